using System.Text;
using Imago.Weights;

namespace Imago.Hub;

/// <summary>
/// One model in the cache that Python's <c>huggingface_hub</c> keeps: contents under their hashes in <c>blobs/</c>, commits as folders of links to them in <c>snapshots/</c>,
/// and which commit a branch or tag was in <c>refs/</c>.
/// </summary>
internal sealed class HubCache(HubSettings settings, string repository)
{
    private const string TagText = "Signature: 8a477f597d28d172789f06886806bc55\n# Tells backup programs that this folder is a cache (https://bford.info/cachedir/); written by Imago.\n";

    private readonly string _name = $"models--{repository.Replace("/", "--", StringComparison.Ordinal)}";

    internal string Folder => Path.Combine(settings.CacheFolder, _name);

    internal string Blob(HubFile file) => Path.Combine(Folder, "blobs", file.Blob);

    internal string Lock(HubFile file) => Path.Combine(settings.CacheFolder, ".locks", _name, $"{file.Blob}.lock");

    internal string Snapshot(string commit) => Path.Combine(Folder, "snapshots", commit);

    internal string Pointer(string commit, string path) => Path.Combine([Snapshot(commit), .. path.Split('/')]);

    /// <summary>The commit that a revision was when it was last fetched; <see langword="null"/> if that is not known.</summary>
    internal string? CommitOf(string revision)
    {
        if (HubId.IsCommit(revision)) return revision;
        var path = Reference(revision);
        if (!File.Exists(path) || new FileInfo(path).Length > 256) return null;
        return File.ReadAllText(path).Trim() is var commit && HubId.IsCommit(commit) ? commit : null;
    }

    /// <summary>The files of a commit that are really here, by their paths in the repository.</summary>
    internal IReadOnlyList<string> Files(string commit)
    {
        var folder = Snapshot(commit);
        if (!Directory.Exists(folder)) return [];
        return [.. Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Where(path => LinkedFile.Length(path) is not null).Select(path => Path.GetRelativePath(folder, path).Replace('\\', '/'))];
    }

    /// <summary>Whether a file of a commit is here with its whole length.</summary>
    internal bool Has(string commit, HubFile file) => LinkedFile.Length(Pointer(commit, file.Path)) == file.Bytes;

    /// <summary>Whether a content is here with its whole length, perhaps under another name.</summary>
    internal bool HasBlob(HubFile file) => LinkedFile.Length(Blob(file)) == file.Bytes;

    /// <summary>Makes the folders in which files are fetched, and marks the cache as one.</summary>
    internal void Prepare()
    {
        foreach (var folder in (string[])[Path.Combine(Folder, "blobs"), Path.Combine(settings.CacheFolder, ".locks", _name)]) Directory.CreateDirectory(folder);
        var tag = Path.Combine(settings.CacheFolder, "CACHEDIR.TAG");
        if (!File.Exists(tag)) Write(tag, TagText);
    }

    /// <summary>Lets a commit's file stand for a content: by a relative link, or where there are none, by the content itself.</summary>
    /// <param name="commit">The commit.</param>
    /// <param name="file">The file; its content is in <c>blobs/</c>.</param>
    /// <param name="mayMove">Whether nothing else can need the content, so that it may be moved.</param>
    internal void Place(string commit, HubFile file, bool mayMove)
    {
        var (blob, pointer) = (Blob(file), Pointer(commit, file.Path));
        Directory.CreateDirectory(Path.GetDirectoryName(pointer)!);
        File.Delete(pointer);
        if (settings.UsesLinks && TryLink(pointer, blob)) return;
        if (mayMove) File.Move(blob, pointer);
        else
        {
            var temporary = $"{pointer}.{Guid.NewGuid():N}.tmp";
            File.Copy(blob, temporary);
            File.Move(temporary, pointer, overwrite: true);
        }
    }

    /// <summary>Notes which commit a revision is.</summary>
    internal void WriteReference(string revision, string commit)
    {
        if (revision == commit || CommitOf(revision) == commit) return;
        var path = Reference(revision);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        Write(path, commit);
    }

    private static bool TryLink(string pointer, string blob)
    {
        try
        {
            File.CreateSymbolicLink(pointer, Path.GetRelativePath(Path.GetDirectoryName(pointer)!, blob));
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or PlatformNotSupportedException)
        {
            return LinkedFile.Length(pointer) is not null;              // another program was faster, or this user or disk has no links
        }
    }

    private string Reference(string revision) => Path.Combine([Folder, "refs", .. revision.Split('/')]);

    private static void Write(string path, string text) => AtomicFile.Write(path, stream => stream.Write(Encoding.ASCII.GetBytes(text)));
}
