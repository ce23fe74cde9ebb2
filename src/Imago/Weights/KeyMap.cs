namespace Imago.Weights;

/// <summary>The module's name of a file's key, or null for a key that the module has no use for. Pure: the same key always gives the same name.</summary>
/// <param name="key">A key of the file.</param>
public delegate string? KeyMap(string key);

/// <summary>The usual key maps, to be composed.</summary>
public static class WeightKeys
{
    /// <summary>Keys as they are.</summary>
    public static KeyMap Identity { get; } = key => key;

    /// <summary>Takes a prefix off the keys that have it (<c>module.</c> of data-parallel training), and leaves the others as they are.</summary>
    public static KeyMap WithoutPrefix(string prefix) => key => key.StartsWith(prefix, StringComparison.Ordinal) ? key[prefix.Length..] : key;

    /// <summary>Only the keys with a prefix (<c>first_stage_model.</c> of a whole Stable Diffusion checkpoint), without it.</summary>
    public static KeyMap Under(string prefix) => key => key.StartsWith(prefix, StringComparison.Ordinal) ? key[prefix.Length..] : null;

    /// <summary>Leaves out the keys that a predicate names.</summary>
    public static KeyMap Except(Func<string, bool> leaveOut) => key => leaveOut(key) ? null : key;

    /// <summary>Puts a prefix before every key.</summary>
    public static KeyMap WithPrefix(string prefix) => key => prefix + key;

    /// <summary>This map, then another one.</summary>
    public static KeyMap Then(this KeyMap first, KeyMap second) => key => first(key) is { } middle ? second(middle) : null;
}
