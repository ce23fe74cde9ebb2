using System.Text;
using System.Text.Json;

namespace Imago.Text;

/// <summary>Files of strangers: bounded in size, and every way of being wrong is one clear exception.</summary>
internal static class TextFiles
{
    /// <summary>No published vocabulary has so many tokens.</summary>
    internal const int MaximumTokens = 1 << 20;

    private const long MaximumBytes = 64 << 20;

    internal static string Read(string path) => Guarded(path, () => new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(ReadBytes(path)));

    internal static byte[] ReadBytes(string path) => Guarded(path, () =>
        LinkedFile.Length(path) is var length && length > MaximumBytes
            ? throw new CheckpointException($"{path} has {length:N0} bytes; files of tokenizers have at most {MaximumBytes:N0}.")
            : File.ReadAllBytes(path));

    internal static T ReadJson<T>(string path, Func<JsonElement, T> read) => Guarded(path, () =>
    {
        using var document = JsonDocument.Parse(ReadBytes(path));
        return read(document.RootElement);
    });

    /// <summary>Runs what reads the file.</summary>
    /// <exception cref="CheckpointException">It could not be read or is not what it should be; the message names the file.</exception>
    internal static T Guarded<T>(string path, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException or InvalidOperationException or KeyNotFoundException or FormatException or ArgumentException or IndexOutOfRangeException)
        {
            throw new CheckpointException($"{path} is not a tokenizer's file that Imago reads: {e.Message}", e);
        }
    }
}
