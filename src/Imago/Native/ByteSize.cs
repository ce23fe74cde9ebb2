using System.Globalization;

namespace Imago;

/// <summary>Amounts of memory as people read them.</summary>
internal static class ByteSize
{
    /// <summary>For example <c>640 B</c>, <c>1.5 MB</c> or <c>23.4 GB</c>, in powers of 1024.</summary>
    internal static string Text(long bytes)
    {
        string[] units = ["B", "KB", "MB", "GB", "TB"];
        double value = bytes;
        int unit = 0;
        for (; Math.Abs(value) >= 1024 && unit < units.Length - 1; unit++) value /= 1024;
        return string.Create(CultureInfo.InvariantCulture, $"{value:0.#} {units[unit]}");
    }
}
