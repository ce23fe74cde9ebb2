#:project ../src/Imago/Imago.csproj
#:property UsesTorch=true
#:property PublishAot=false

// The objective of a variational autoencoder, derived in numbers. docs/vae-objective.md explains every line.
//
//   dotnet run samples/objective.cs
//
// Last line: loss = reconstruction + 4 KL                           44.7106

using System.Globalization;
using Imago;
using Imago.Autoencoders;
using Imago.Models;
using Imago.Probability;
using TorchSharp;
using static TorchSharp.torch;

TorchRuntime.Start(new TorchOptions { Threads = 1 });
void Show(string name, double value) => Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name,-52} {value,9:0.0000}"));

Console.WriteLine("1. Expectations");
double[] p = [0.5, 0.3, 0.2], f = [1, 2, 10];
Show("E[f] = sum p f", Information.Expectation(p, f));
Show("average of f over 100,000 samples", Information.SampleAverage(p, f, 100_000, new Random(1)));
JointDistribution joint = new(new[,] { { 0.3, 0.1 }, { 0.1, 0.5 } });
double[,] g = { { 1, 2 }, { 3, 4 } };
Show("E[g(x, y)]", joint.Expectation(g));
Show("E[E[g(x, y) | y]]", Information.Expectation(joint.Y, joint.ConditionalExpectation(g)));

Console.WriteLine("2. Information, in nats");
double[] q = [0.2, 0.2, 0.6];
Show("entropy H(p)", Information.Entropy(p));
Show("cross-entropy H(p, q)", Information.CrossEntropy(p, q));
Show("KL(p || q) = H(p, q) - H(p)", Information.KullbackLeibler(p, q));
Show("KL(p || p)", Information.KullbackLeibler(p, p));

Console.WriteLine("3. One picture x, three causes z: Bayes");
double[] prior = [0.5, 0.3, 0.2], likelihood = [0.1, 0.6, 0.05];
double[] posterior = EvidenceLowerBound.BayesTheorem(prior, likelihood, out double evidence);
Show("evidence p(x) = sum p(x|z) p(z)", evidence);
for (int z = 0; z < 3; z++) Show($"posterior p(z={z} | x)", posterior[z]);

Console.WriteLine("4. The bound, for a guess q(z) of the posterior");
EvidenceLowerBound bound = EvidenceLowerBound.Of(prior, likelihood, q);
Show("E_q[log p(x|z)]", bound.Reconstruction);
Show("KL(q || p(z))", bound.KlToPrior);
Show("ELBO = E_q[log p(x|z)] - KL(q || p(z))", bound.Elbo);
Show("KL(q || p(z|x)), the gap", bound.KlToPosterior);
Show("ELBO + gap", bound.Elbo + bound.KlToPosterior);
Show("log p(x)", bound.LogEvidence);
Show("ELBO when q is the posterior", EvidenceLowerBound.Of(prior, likelihood, posterior).Elbo);

Console.WriteLine("5. Gaussian posterior: closed form and samples");
Generator noise = new(1);
DiagonalGaussian gaussian = new(tensor(new[,] { { 1.0, -0.5 } }), tensor(new[,] { { -1.0, 0.2 } }));
Tensor samples = gaussian.Sample(randn([200_000, 2], float64, generator: noise));          // z = mean + sigma eps
Show("KL(q || N(0, I)), closed form", gaussian.Kl().item<double>());
Show("mean of log q(z) - log p(z) over samples", (gaussian.LogDensity(samples) - DiagonalGaussian.LogPrior(samples)).mean().item<double>());

Console.WriteLine("6. A model that can be solved: x = W z + sigma eps");
Tensor w = tensor(new[,] { { 1.0, 0.2 }, { 0.0, 0.8 }, { -0.5, 0.3 } }), x = tensor(new[] { 0.9, -0.4, 0.1 });
LinearGaussianModel linear = new(w, zeros(3, float64), sigma: 0.5);
Show("ELBO of the Gaussian above", linear.Elbo(x, gaussian));
Show("KL to the true posterior", linear.KlToPosterior(x, gaussian));
Show("their sum", linear.Elbo(x, gaussian) + linear.KlToPosterior(x, gaussian));
Show("log p(x)", linear.Evidence.LogDensity(x));
Tensor logP = -Reconstruction.Gaussian(samples.matmul(w.t()).view(-1, 1, 1, 3), x.view(1, 1, 1, 3), 0.5);
Tensor logWeights = logP + DiagonalGaussian.LogPrior(samples) - gaussian.LogDensity(samples);
foreach (int k in new[] { 1, 10, 1000 }) Show($"importance-weighted bound of {k} samples", ImportanceBounds.Iwae(logWeights.view(-1, k)).mean().item<double>());

Console.WriteLine("7. The same two terms from a network, on four pictures");
Autoencoder model = new MlpConfig { Channels = 1, Height = 8, Width = 8, Hidden = [32], Latent = 4 }.Create(seed: 1);
Tensor images = rand([4, 1, 8, 8], generator: new Generator(2)).round();
foreach (double beta in new[] { 0.0, 1.0, 4.0 })
{
    var terms = Objectives.Create(new ObjectiveConfig { Name = "beta_vae", Beta = beta })(model, images, new ObjectiveContext(0, 1, 4, new Generator(3)));
    if (beta == 0) foreach (var (name, value) in terms.Parts) Show($"{name}, nats an image", value.item<float>());
    Show($"loss = reconstruction + {beta} KL", terms.Loss.item<float>());
}
