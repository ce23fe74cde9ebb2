using TorchSharp;

namespace Imago.Training;

/// <summary>A loss and the parts it is made of.</summary>
/// <param name="Loss">Scalar tensor whose gradient is followed: the mean over the batch of the sum per image.</param>
/// <param name="Parts">Named scalar tensors for the log (detached), such as <c>reconstruction</c> and <c>kl</c>, in nats per image.</param>
public sealed record LossTerms(torch.Tensor Loss, IReadOnlyList<(string Name, torch.Tensor Value)> Parts);
