namespace Imago;

/// <summary>Files that may stand behind symbolic links, as those of the hub's cache do: .NET tells of the link itself.</summary>
internal static class LinkedFile
{
    /// <summary>The length of the file that a path leads to; <see langword="null"/> if it leads to none.</summary>
    internal static long? Length(string path)
    {
        try
        {
            var file = new FileInfo(path);
            if (file.ResolveLinkTarget(returnFinalTarget: true) is FileInfo target) file = target;
            return file.Exists && file.LinkTarget is null ? file.Length : null;
        }
        catch (IOException)
        {
            return null;                                                // a link that leads to itself
        }
    }
}
