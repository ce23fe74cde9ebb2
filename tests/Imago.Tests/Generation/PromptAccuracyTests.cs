using Imago.Data.Faces;
using Imago.Generation;
using Imago.Images;
using Imago.Generation.Prompts;
using Imago.Training;
using TorchSharp;

namespace Imago.Tests;

public class PromptAccuracyTests
{
    private static readonly IReadOnlyList<FaceAttribute> Attributes = FaceAttributes.All;

    private static double[] Exact { get; } = new double[FaceAttributes.All.Count];

    private static double[] Values(FaceFactors factors) => [.. Attributes.Select(attribute => attribute.Get(factors))];

    [Fact]
    public void Compare_OfTheTrueFactors_FindsEverything()
    {
        const int Count = 300;
        var faces = new FaceDataset(Count, seed: 5);
        double[][] truth = [.. Enumerable.Range(0, Count).Select(i => Values(faces.Factors(i)))];
        var report = PromptAccuracy.Compare(PromptAccuracy.Prompts(Count, 5), truth, truth, Exact);
        Assert.Equal((1.0, 1.0), (report.Followed, report.Readable));
        Assert.Equal(report.Named, report.Attributes.Sum(attribute => attribute.Named));
        Assert.True(report.Named >= Count);
    }

    [Fact]
    public void Compare_CountsEachAttributeByItself()
    {
        var smiling = Values(new FaceFactors { Smile = 0.9, Presentation = FacePresentation.Woman });
        var frowning = Values(new FaceFactors { Smile = -0.9, Presentation = FacePresentation.Woman });
        var report = PromptAccuracy.Compare(["a smiling woman", "a happy, grinning lady", "a woman"], [smiling, frowning, frowning], [smiling, smiling, smiling], Exact);
        Assert.Equal(["smile", "presentation"], report.Attributes.Select(attribute => attribute.Attribute));
        Assert.Equal(new AttributeAccuracy("smile", 2, 0.5, 1, 0), report.Attributes[0]);
        Assert.Equal(new AttributeAccuracy("presentation", 3, 1, 1, 0), report.Attributes[1]);
        Assert.Equal(4 / 5.0, report.Followed, 12);
    }

    [Fact]
    public void Compare_GivesAQuantityTheSlackOfItsReader()
    {
        var (near, far) = (Values(new FaceFactors { Smile = 0.3 }), Values(new FaceFactors { Smile = 0.2 }));
        double[] slack = [.. Attributes.Select(attribute => attribute.Attribute.Name == "smile" ? 0.1 : 0)];
        var report = PromptAccuracy.Compare(["a smiling woman", "a smiling woman"], [near, far], [near, near], slack);           // from 0.35 on
        Assert.Equal(new AttributeAccuracy("smile", 2, 0.5, 1, 0.1), report.Attributes.Single(attribute => attribute.Attribute == "smile"));
    }

    [Fact]
    public void Reader_LearnsWhatIsPlainToSee()
    {
        var options = new FaceReaderOptions { Size = 16, Faces = 2048, Steps = 300, BatchSize = 64, Precision = Precision.Fp32 };
        using var reader = FaceReader.Train(options, cancellationToken: TestContext.Current.CancellationToken);
        var faces = new FaceDataset(200, seed: 9, size: 16);
        var read = reader.Read([.. Enumerable.Range(0, faces.Count).Select(i => faces.Get(i).Image)]);
        var background = Attributes.ToList().FindIndex(attribute => attribute.Attribute.Name == "background");
        var skin = Attributes.ToList().FindIndex(attribute => attribute.Attribute.Name == "skin_tone");
        var right = Enumerable.Range(0, faces.Count).Count(i => read[i][background] == Values(faces.Factors(i))[background]);
        Assert.True(right > 0.5 * faces.Count, $"{right} of {faces.Count} backgrounds");                                         // one of seven
        var error = Enumerable.Range(0, faces.Count).Average(i => Math.Abs(read[i][skin] - Values(faces.Factors(i))[skin]));
        Assert.True(error < 0.2, $"{error}");                                                                                    // 0.25 for a constant
        Assert.InRange(reader.Errors[skin], 0.8 * error, 2 * error);                                                             // other faces; root mean square ≥ mean
        Assert.Equal(0, reader.Errors[background]);
    }

    [Fact]
    public void Reader_RefusesPicturesOfAnotherKind()
    {
        using var reader = FaceReader.Train(new FaceReaderOptions { Size = 16, Faces = 8, Steps = 1, BatchSize = 8 }, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Throws<ArgumentException>(() => reader.Read([new PixelImage(16, 16, 1, new byte[256])]));
        Assert.Throws<ArgumentException>(() => reader.Read([new PixelImage(32, 32, 3, new byte[3072])]));
    }

    [Fact]
    public void Evaluate_OfAModelWithoutCaptions_IsRefused()
    {
        using var byClass = TinyDiffusion.Model();
        Assert.Contains("captions", Assert.Throws<ArgumentException>(() => PromptAccuracy.RequireFaces(byClass)).Message, StringComparison.Ordinal);
        using var grey = TinyDiffusion.Model("text");
        Assert.Contains("colour", Assert.Throws<ArgumentException>(() => PromptAccuracy.RequireFaces(grey)).Message, StringComparison.Ordinal);
    }
}
