namespace Imago.Diffusion;

/// <summary>Which levels of a process are visited in a number of steps.</summary>
/// <param name="process">The process.</param>
/// <param name="steps">How many steps, at least 1.</param>
/// <returns>steps + 1 levels, noisiest first.</returns>
/// <exception cref="ArgumentException">The process has no such levels, or not so many.</exception>
public delegate NoiseSchedule Spacing(NoiseProcess process, int steps);

/// <summary>An entry in the catalogue of spacings.</summary>
/// <param name="Name">As users type it: <c>karras</c>, <c>trailing</c>, ….</param>
/// <param name="Description">One line: what it is and who published it.</param>
/// <param name="Run">The spacing with its default parameters.</param>
public sealed record SpacingInfo(string Name, string Description, Spacing Run);
