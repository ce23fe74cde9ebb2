namespace Imago;

/// <summary>How far a piece of work is.</summary>
/// <param name="Done">Units finished, from 0 to <paramref name="Total"/>.</param>
/// <param name="Total">Units in all.</param>
/// <param name="Stage">What is being done, in a word or two; <see langword="null"/> where there is only one thing to do.</param>
public readonly record struct WorkProgress(long Done, long Total, string? Stage = null);
