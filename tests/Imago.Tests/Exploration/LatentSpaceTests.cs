using Imago.Autoencoders;
using Imago.Data;
using Imago.Exploration;
using Imago.Images;
using Imago.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

public class LatentSpaceTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private static MlpConfig Mlp(int latent = 3) => new() { Channels = 1, Height = 4, Width = 4, Hidden = [8], Latent = latent };

    public static TheoryData<string> Networks => ["mlp", "kl", "tiny"];

    private static LatentSpace Space(string network) => network switch
    {
        "mlp" => new LatentSpace(Mlp().Create(seed: 1), batchSize: 3),
        "kl" => new LatentSpace(new KlConfig { InChannels = 1, OutChannels = 1, BlockOutChannels = [4, 8], LatentChannels = 2, NormNumGroups = 2, LayersPerBlock = 1 }.Create(seed: 1), 8, 8, batchSize: 3),
        _ => new LatentSpace(new TinyConfig { InChannels = 1, OutChannels = 1, LatentChannels = 2, EncoderBlockOutChannels = [4, 4], DecoderBlockOutChannels = [4, 4], NumEncoderBlocks = [1, 1], NumDecoderBlocks = [1, 1] }.Create(seed: 1), 8, 8, batchSize: 3),
    };

    /// <ranges>Pictures that differ in brightness, half of them of the class "bright"; an attribute tells how bright.</ranges>
    private static MemoryDataset Pictures(int count, int side)
    {
        var random = new Random(2);
        var items = Enumerable.Range(0, count).Select(i =>
        {
            var pixels = new byte[side * side];
            random.NextBytes(pixels);
            for (int p = 0; p < pixels.Length; p++) pixels[p] = (byte)(pixels[p] / 4 + (i % 2 == 1 ? 180 : 0));
            return new ImageItem { Image = new PixelImage(side, side, 1, pixels), Label = i % 2, Attributes = [i % 2 == 1 ? 0.8 : 0.1, i % 4 / 2, i % 3, i % 4 == 3 ? 2 : 0] };
        });
        ImageAttribute[] attributes =
        [
            new("light", 0, 1, [], "brightness"),
            new("framed", 0, 1, ["no", "yes"], "whether there is a frame"),
            new("hue", 0, 2, ["red", "green", "blue"], "colour"),
            new("hat", 0, 2, ["none", "cap", "crown"], "what is worn"),
        ];
        return new MemoryDataset("pictures", [.. items], ["dark", "bright"], attributes);
    }

    [Theory]
    [MemberData(nameof(Networks))]
    public void Encode_InBatches_EqualsTheNetworkItself(string network)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var space = Space(network);
        var x = rand(7, 1, space.Height, space.Width);
        var posterior = space.Encode(x);
        Assert.Equal([7, space.Dimensions], posterior.Mean.shape);
        var inRange = space.Model.Pixels == PixelRange.ZeroToOne ? x : 2 * x - 1;
        Assert.True(posterior.Mean.allclose(space.Model.Encode(inRange).Mean.flatten(1), rtol: 1e-4, atol: 1e-5));
        var pictures = space.Decode(posterior.Mean);
        Assert.Equal(x.shape, pictures.shape);
        Assert.True(pictures.ge(0).logical_and(pictures.le(1)).all().item<bool>());
    }

    [Theory]
    [MemberData(nameof(Networks))]
    public void Encode_OfADataset_IsThatOfItsPictures(string network)
    {
        using var scope = NewDisposeScope();
        var space = Space(network);
        var dataset = Pictures(8, space.Height);
        using var codes = space.Encode(dataset, cancellation: Stop);
        var posterior = space.Encode(space.Load(dataset, Stop));
        Assert.True(codes.Means.allclose(posterior.Mean));
        Assert.Equal(Enumerable.Range(0, 8), codes.Indices);
        Assert.Equal([0L, 1, 0, 1, 0, 1, 0, 1], codes.Labels);
        Assert.Equal(0.8, codes.AttributeValues(0)[1], 6);
        if (space.Model.IsVariational) Assert.True(codes.MeanKl.allclose(posterior.KlPerLatent().mean([0L]).to(float64), rtol: 1e-4));
    }

    [Fact]
    public void Encode_WrongSize_IsRefused()
    {
        using var scope = NewDisposeScope();
        var space = Space("mlp");
        Assert.Throws<ArgumentException>(() => space.Encode(rand(1, 1, 5, 5)));
        Assert.Throws<ArgumentException>(() => space.Decode(rand(1, 7), cancellation: Stop));
        Assert.Throws<ArgumentException>(() => new LatentSpace(space.Model, 5, 5));
    }

    [Fact]
    public void Everything_LeavesNothingBehind()
    {
        using var scope = NewDisposeScope();
        var space = Space("mlp");
        var dataset = Pictures(8, 4);
        var x = space.Load(dataset, Stop);
        using var generator = new Generator(1);
        var before = Tensor.TotalCount;
        using (var codes = space.Encode(dataset, cancellation: Stop))
        {
            codes.Summarise();
            using var direction = AttributeEdit.Learn(codes.Means, ExampleSelector.Parse("bright", dataset).Select(codes));
            AttributeEdit.Apply(codes.Means, direction.Vector, [0, 1]).Dispose();
            LatentMap.Plane(codes).Points.Dispose();
        }
        using (space.EncodeSamples(5, generator, cancellation: Stop)) { }
        Reconstructions.Of(space, x, cancellation: Stop).Dispose();
        PriorSamples.Normal(space, 3, generator).Dispose();
        LatentMap.Manifold(3).Dispose();
        Assert.Equal(before, Tensor.TotalCount);
    }

    [Fact]
    public void Progress_EndsAtTheEnd_AndCancellationStops()
    {
        using var scope = NewDisposeScope();
        var space = Space("mlp");
        var dataset = Pictures(8, 4);
        var reports = new Reports();
        using (space.Encode(dataset, reports, Stop)) { }
        Assert.Equal([3L, 6, 8], reports.Select(report => report.Done));
        Assert.All(reports, report => Assert.Equal(8, report.Total));
        Assert.ThrowsAny<OperationCanceledException>(() => space.Encode(dataset, cancellation: new CancellationToken(canceled: true)));
        Assert.ThrowsAny<OperationCanceledException>(() => space.Decode(zeros(2, 3), cancellation: new CancellationToken(canceled: true)));
    }

    private sealed class Reports : List<WorkProgress>, IProgress<WorkProgress>
    {
        public void Report(WorkProgress value) => Add(value);
    }

    [Fact]
    public void Ranges_AreOrderedByInformation_AndSpanTheCodes()
    {
        using var scope = NewDisposeScope();
        using var codes = Space("mlp").Encode(Pictures(40, 4), cancellation: Stop);
        var ranges = codes.Summarise();
        Assert.Equal(ranges.OrderByDescending(latent => latent.Information), ranges);
        foreach (var latent in ranges)
        {
            var own = codes.Means[.., latent.Index].to(float64);
            Assert.Equal(own.mean().item<double>(), latent.Mean, 9);
            Assert.InRange(latent.Low, own.min().item<double>(), latent.Mean);
            Assert.InRange(latent.High, latent.Mean, own.max().item<double>());
        }
    }

    [Fact]
    public void PeakSignalToNoise_OfAKnownError()
    {
        using var scope = NewDisposeScope();
        var x = zeros(2, 1, 4, 4);
        var decibels = Reconstructions.PeakSignalToNoise(x, x + tensor(new[] { 0.1f, 1f }).view(2, 1, 1, 1));
        Assert.Equal(20, decibels[0], 5);
        Assert.Equal(0, decibels[1], 5);
    }

    [Fact]
    public void Traversal_ChangesOneCoordinate()
    {
        using var scope = NewDisposeScope();
        var z = tensor(new[] { 1f, 2, 3 });
        var path = Traversals.Along(z, 1, Traversals.Values(-1, 1, 3));
        Assert.Equal(new[] { 1f, -1, 3, 1, 0, 3, 1, 1, 3 }, path.data<float>().ToArray());
    }

    [Fact]
    public void Edit_AtStrengthOne_MovesTheMeanOfThoseWithoutOntoThatOfThoseWith()
    {
        using var scope = NewDisposeScope();
        var dataset = Pictures(40, 4);
        using var codes = Space("mlp").Encode(dataset, cancellation: Stop);
        var labels = ExampleSelector.Parse("bright", dataset).Select(codes);
        using var direction = AttributeEdit.Learn(codes.Means, labels);
        var without = codes.Means[tensor(labels.Select(label => !label).ToArray())].mean([0L], keepdim: true);
        var with = codes.Means[tensor(labels.ToArray())].mean([0L], keepdim: true);
        var edited = AttributeEdit.Apply(without, direction.Vector, [0, 1]);
        Assert.True(edited[..1].allclose(without));
        Assert.True(edited[1..].allclose(with, rtol: 1e-4, atol: 1e-6));
        Assert.Equal((20, 20), (direction.With, direction.Without));
        Assert.Equal(1, direction.Area);
        Assert.Equal(1, direction.Accuracy);
    }

    [Theory]
    [InlineData(DirectionMethod.MeanDifference)]
    [InlineData(DirectionMethod.Logistic)]
    [InlineData(DirectionMethod.SupportVectors)]
    public void Edit_OrthogonalToAnother_LeavesItsDirectionAlone(DirectionMethod method)
    {
        using var scope = NewDisposeScope();
        var dataset = Pictures(40, 4);
        using var codes = Space("mlp").Encode(dataset, cancellation: Stop);
        IReadOnlyList<bool> Labels(string text) => ExampleSelector.Parse(text, dataset).Select(codes);
        using var kept = AttributeEdit.Learn(codes.Means, Labels("framed"), method);
        using var direction = AttributeEdit.Learn(codes.Means, Labels("bright"), method, Labels("framed"));
        Assert.Equal(0, AttributeDirections.Unit(direction.Vector).dot(AttributeDirections.Unit(kept.Vector)).item<double>(), 9);
    }

    [Theory]
    [InlineData("bright", 20)]
    [InlineData("dark", 20)]
    [InlineData("light", 20)]
    [InlineData("light > 0.5", 20)]
    [InlineData("light<0.5", 20)]
    [InlineData("framed", 20)]
    [InlineData("framed=no", 20)]
    [InlineData("HUE=green", 13)]
    [InlineData("hat", 10)]
    public void Selector_FindsThoseMeant(string text, int count)
    {
        using var scope = NewDisposeScope();
        var dataset = Pictures(40, 4);
        using var codes = Space("mlp").Encode(dataset, cancellation: Stop);
        var selector = ExampleSelector.Parse(text, dataset);
        Assert.Equal(count, selector.Select(codes).Count(label => label));
        using var batch = new ImageLoader(dataset, new LoaderOptions { BatchSize = 40, Shuffle = false }).Epoch(0).Single();
        Assert.Equal(selector.Select(codes), selector.Of(batch).data<float>().Select(value => value == 1));
    }

    [Theory]
    [InlineData("smile", "light, framed, hue, hat")]
    [InlineData("hue", "hue=red, hue=green")]
    [InlineData("hue=pink", "hue=red, hue=green")]
    [InlineData("light>much", "between 0 and 1")]
    public void Selector_OfTheUnknown_SaysWhatThereIs(string text, string help)
    {
        var error = Assert.Throws<ArgumentException>(() => ExampleSelector.Parse(text, Pictures(4, 4)));
        Assert.Contains(help, error.Message);
    }

    [Fact]
    public void Selector_ThatHoldsForNone_IsAnError()
    {
        using var scope = NewDisposeScope();
        var dataset = Pictures(8, 4);
        using var codes = Space("mlp").Encode(dataset, cancellation: Stop);
        Assert.Throws<DataException>(() => ExampleSelector.Parse("light>0.9", dataset).Select(codes));
    }

    [Fact]
    public void Manifold_IsSymmetric_AndGrowsRightAndUp()
    {
        using var scope = NewDisposeScope();
        var grid = LatentMap.Manifold(5).reshape(5, 5, 2);
        Assert.True(grid[2, 2].abs().max().item<float>() < 1e-6);
        Assert.True(grid.allclose(-grid.flip(0, 1)));
        Assert.True(grid[0, 4].gt(0).all().item<bool>());
        Assert.Equal(Math.Sqrt(2) * 0.9061938, grid[0, 4, 0].item<float>(), 5);      // Φ⁻¹(0.9) = √2 erf⁻¹(0.8)
    }

    [Fact]
    public void Scatter_OfOrderedGroups_RunsFromDarkToLight()
    {
        int[] brightness = [.. Enumerable.Range(0, 5).Select(group =>
        {
            var picture = ScatterPicture.Draw([new(0, 0, group)], ["", "", "", "", ""], "", "", "", isOrdered: true, side: 100);
            var plot = picture.Pixels.Chunk(3).Where((_, i) => i % picture.Width < 120);        // left of the legend
            return plot.Min(rgb => rgb[0] + rgb[1] + rgb[2]);                                   // the one point: nothing else there is as dark
        })];
        Assert.Equal(brightness.Order(), brightness);
        Assert.Equal(5, brightness.Distinct().Count());
    }

    [Fact]
    public void Scatter_DrawsEveryGroupInItsColour()
    {
        ScatterPoint[] points = [new(0, 0, 0), new(1, 1, 1), new(0.5, 0.5, -1)];
        var picture = ScatterPicture.Draw(points, ["one", "two"], "title", "x", "y", side: 100);
        var colours = picture.Pixels.Chunk(3).Select(rgb => (rgb[0], rgb[1], rgb[2])).ToHashSet();
        Assert.True(colours.Count > 6);
        Assert.Equal(3, picture.Channels);
        Assert.Throws<ArgumentException>(() => ScatterPicture.Draw([], [], "", "", ""));
    }
}
