using Imago.Data;
using Imago.Data.Faces;
using Imago.Images;

namespace Imago.Tests;

public class FacesTests
{
    private const int Size = 64;

    [Fact]
    public void Face_OfSameSeedAndIndex_IsTheSameInAnyOrderAndThread()
    {
        FaceDataset faces = new(40, seed: 7);
        byte[][] forward = [.. Enumerable.Range(0, 40).Select(i => faces.Get(i).Image.Pixels)];
        byte[][] parallel = new byte[40][];
        Parallel.For(0, 40, i => parallel[39 - i] = new FaceDataset(40, seed: 7).Get(39 - i).Image.Pixels);
        Assert.Equal(forward, parallel);
    }

    [Fact]
    public void Sets_WithRangesOfOneSeed_ShareFacesByNumber()
    {
        FaceDataset all = new(30, seed: 3), tail = new(10, seed: 3, firstIndex: 20);
        Assert.Equal(all.Factors(25), tail.Factors(5));
        Assert.Equal(all.Get(25).Caption, tail.Get(5).Caption);
        Assert.NotEqual(all.Factors(25), new FaceDataset(30, seed: 4).Factors(25));
    }

    [Fact]
    public void ContentKeys_DifferByFaceSeedAndSizeOnly()
    {
        FaceDataset faces = new(3, seed: 1, size: 64);
        Assert.Equal(faces.ContentKey(2), new FaceDataset(1, seed: 1, size: 64, firstIndex: 2).ContentKey(0));
        Assert.NotEqual(faces.ContentKey(2), faces.ContentKey(1));
        Assert.NotEqual(faces.ContentKey(2), new FaceDataset(3, seed: 2, size: 64).ContentKey(2));
        Assert.NotEqual(faces.ContentKey(2), new FaceDataset(3, seed: 1, size: 32).ContentKey(2));
    }

    [Fact]
    public void Draw_OfSeedAndIndex_IsSplitMix64FoldedOverSeedIndexAndFactor()
    {
        // Written out, so that faces stay what they are: the number of the factor is its place in the catalogue.
        static ulong SplitMix(ulong z)
        {
            unchecked
            {
                z += 0x9E3779B97F4A7C15;
                z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
                z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
                return z ^ (z >> 31);
            }
        }

        Assert.Equal(0xE220A8397B1DCDAFUL, SplitMix(0));
        ulong bits = SplitMix(SplitMix(SplitMix(SplitMix(5) ^ 9) ^ 4));
        Assert.Equal("gaze_x", FaceAttributes.All[4].Attribute.Name);
        Assert.Equal(-1 + (2 * ((bits >> 11) / 9007199254740992.0)), FaceFactors.Draw(5, 9).GazeX, 1e-15);
    }

    [Fact]
    public void Factors_OfManyFaces_AreUncorrelatedAndFillTheirRanges()
    {
        const int n = 4000;
        double[][] values = [.. FaceAttributes.All.Select(a => Enumerable.Range(0, n).Select(i => a.Get(FaceFactors.Draw(1, i))).ToArray())];
        for (int a = 0; a < values.Length; a++)
        {
            ImageAttribute attribute = FaceAttributes.All[a].Attribute;
            Assert.InRange(values[a].Min(), attribute.Minimum, attribute.Minimum + (0.01 * (attribute.Maximum - attribute.Minimum)));
            Assert.InRange(values[a].Max(), attribute.Maximum - (0.01 * (attribute.Maximum - attribute.Minimum)), attribute.Maximum);
            for (int b = a + 1; b < values.Length; b++)
            {
                // Only men are drawn with a beard; all else is independent: |r| < 4.5 / √n.
                bool exception = attribute.Name == "presentation" && FaceAttributes.All[b].Attribute.Name == "beard";
                double bound = exception ? 1 : 4.5 / Math.Sqrt(n);
                Assert.True(Math.Abs(Correlation(values[a], values[b])) < bound, $"{attribute.Name}, {FaceAttributes.All[b].Attribute.Name}");
            }
        }
    }

    [Fact]
    public void Attributes_ReadAndSet_RoundTrip()
    {
        FaceFactors other = FaceFactors.Draw(2, 1);
        foreach (FaceAttribute a in FaceAttributes.All)
        {
            FaceFactors set = a.Set(new FaceFactors(), a.Get(other));
            Assert.Equal(a.Get(other), a.Get(set));
            Assert.Equal(new FaceFactors(), a.Set(set, a.Get(new FaceFactors())));
        }
    }

    [Theory]
    [InlineData(32)]
    [InlineData(64)]
    [InlineData(100)]
    [InlineData(512)]
    public void Paint_AtAnySize_ShowsTheSameFace(int size)
    {
        FaceFactors face = FaceFactors.Draw(0, 12);
        PixelImage image = FacePainter.Paint(face, size);
        Assert.Equal((size, size, 3, size * size * 3), (image.Width, image.Height, image.Channels, image.Pixels.Length));
        Assert.Equal(Thumbnail(FacePainter.Paint(face, 256)), Thumbnail(image), (a, b) => Math.Abs(a - b) < 6);
    }

    [Fact]
    public void Paint_OfFactorOutOfRange_IsRefusedByName()
    {
        ArgumentOutOfRangeException e = Assert.Throws<ArgumentOutOfRangeException>(() => FacePainter.Paint(new FaceFactors { Smile = 1.5 }, Size));
        Assert.Contains("smile", e.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => FacePainter.Paint(new FaceFactors { GazeX = double.NaN }, Size));
        Assert.Throws<ArgumentOutOfRangeException>(() => FacePainter.Paint(new FaceFactors(), 8));
    }

    [Fact]
    public void Factor_FromEndToEnd_ChangesThePicture()
    {
        for (int i = 0; i < 8; i++)
        {
            FaceFactors face = FaceFactors.Draw(5, i) with { HairStyle = HairStyle.Curly };
            foreach (FaceAttribute a in FaceAttributes.All)
                Assert.True(Changed(a.Set(face, a.Attribute.Minimum), a.Set(face, a.Attribute.Maximum)).Count > 10, a.Attribute.Name);
        }
    }

    [Fact]
    public void Smile_ChangesTheMouthOnly()
    {
        for (int i = 0; i < 25; i++)
        {
            FaceFactors face = FaceFactors.Draw(5, i) with { HeadTilt = 0 };
            List<(int X, int Y)> changed = Changed(face with { Smile = -1 }, face with { Smile = 1 });
            Assert.True(changed.Count > 60);
            Assert.All(changed, p => Assert.True(p.X is >= 14 and <= 50 && p.Y is >= 36 and <= 53, $"{p}"));
        }
    }

    [Fact]
    public void Smile_StepByStep_ChangesThePictureEveryTime()
    {
        for (int k = -9; k < 9; k++)
            Assert.True(Changed(new FaceFactors { Smile = k / 10.0 }, new FaceFactors { Smile = (k + 1) / 10.0 }).Count > 5);
    }

    [Fact]
    public void Background_ChangesNothingOfTheFace()
    {
        FaceFactors face = new() { Background = Background.Blue };
        List<(int X, int Y)> changed = Changed(face, face with { Background = Background.Orange });
        Assert.Contains((2, 2), changed);
        Assert.DoesNotContain(changed, p => p.X is > 22 and < 42 && p.Y is > 16 and < 44);
    }

    [Theory]
    [InlineData("gaze_x")]
    [InlineData("gaze_y")]
    [InlineData("eye_color")]
    public void Gaze_ChangesTheEyesOnly(string name)
    {
        FaceAttribute a = FaceAttributes.All.Single(x => x.Attribute.Name == name);
        List<(int X, int Y)> changed = Changed(a.Set(new FaceFactors(), a.Attribute.Minimum), a.Set(new FaceFactors(), a.Attribute.Maximum));
        Assert.All(changed, p => Assert.InRange(p.Y, 24, 37));
    }

    [Fact]
    public void Hair_OfAnyStyle_LeavesEyesAndMouthFree()
    {
        foreach (HairStyle style in Enum.GetValues<HairStyle>())
        {
            FaceFactors face = new FaceFactors() with { HairStyle = style }, other = face with { HairColor = HairColor.Pink };
            Assert.DoesNotContain(Changed(face, other), p => p is { X: >= 22 and <= 42, Y: >= 28 and <= 38 } or { X: >= 24 and <= 40, Y: >= 40 and <= 50 });
        }
    }

    [Fact]
    public void Captions_SayTrueThingsOnly()
    {
        for (int i = 0; i < 2000; i++)
        {
            FaceFactors face = FaceFactors.Draw(11, i);
            IReadOnlyList<FacePhrase> said = FaceCaptions.Read(FaceCaptions.Describe(face, 11, i));
            Assert.InRange(said.Select(p => p.Attribute).Distinct().Count(), 1, 11);
            Assert.Equal(said.Select(p => p.Attribute).Distinct().Count(), said.Count);
            Assert.All(said, p => Assert.True(p.IsTrueOf(face), $"{FaceCaptions.Describe(face, 11, i)}: {p}"));
        }
    }

    /// <summary>Short and long ones, those that leave the person or the hair open, keywords and sentences, capitals and none: as people write.</summary>
    [Fact]
    public void Captions_AreOfEveryForm()
    {
        string[] captions = [.. Enumerable.Range(0, 3000).Select(i => FaceCaptions.Describe(FaceFactors.Draw(3, i), 3, i))];
        double Share(Func<string, bool> holds) => captions.Count(holds) / 3000.0;
        int Named(string caption) => FaceCaptions.Read(caption).Select(p => p.Attribute).Distinct().Count();
        bool Names(string caption, string attribute) => FaceCaptions.Read(caption).Any(p => p.Attribute == attribute);
        Assert.InRange(Share(c => Named(c) <= 2), 0.08, 0.4);
        Assert.InRange(Share(c => Named(c) >= 5), 0.2, 0.7);
        Assert.InRange(Share(c => Names(c, "presentation")), 0.85, 0.97);
        Assert.InRange(Share(c => Names(c, "hair_color")), 0.3, 0.7);
        Assert.InRange(Share(c => char.IsUpper(c[0])), 0.2, 0.4);
        Assert.All(captions, c => Assert.DoesNotContain("  ", c, StringComparison.Ordinal));
        Assert.All(captions, c => Assert.True(c.Split(' ').Length <= 45, c));
    }

    [Fact]
    public void Captions_OfManyFaces_AreVariedAndUseEveryPhrase()
    {
        string[] captions = [.. Enumerable.Range(0, 30_000).Select(i => FaceCaptions.Describe(FaceFactors.Draw(0, i), 0, i))];
        Assert.True(captions.Distinct().Count() > 20_000);
        HashSet<FacePhrase> used = [.. captions.SelectMany(FaceCaptions.Read)];
        Assert.Empty(FaceCaptions.Phrases.Except(used));
    }

    [Fact]
    public void Read_OfTheIssuesSentence_NamesItsAttributes()
    {
        string[] read = [.. FaceCaptions.Read("A smiling woman with red hair and round glasses.").Select(p => p.Text).Order()];
        Assert.Equal(["red hair", "round glasses", "smiling", "woman"], read);
    }

    [Fact]
    public void Read_OfWhatUsersWrite_NamesItsAttributes()
    {
        string[] Named(string caption) => [.. FaceCaptions.Read(caption).Select(p => $"{p.Attribute}={p.Minimum}").Order()];
        Assert.Equal(["eye_color=1", "hair_color=2", "hair_style=4", "presentation=0"], Named("Red curly hair; blue-eyed girl!"));
        Assert.Equal(["beard=3", "glasses=0", "presentation=1"], Named("bearded man with no glasses"));
        Assert.Equal(["clothing=1", "clothing_color=0", "hair_style=0", "presentation=1"], Named("a bald guy (red shirt)"));
    }

    private static List<(int X, int Y)> Changed(FaceFactors a, FaceFactors b)
    {
        byte[] x = FacePainter.Paint(a, Size).Pixels, y = FacePainter.Paint(b, Size).Pixels;
        bool Differs(int i) => Enumerable.Range(3 * i, 3).Any(c => Math.Abs(x[c] - y[c]) > 4);
        return [.. Enumerable.Range(0, Size * Size).Where(Differs).Select(i => (i % Size, i / Size))];
    }

    /// <summary>Mean colours of 4 × 4 tiles.</summary>
    private static double[] Thumbnail(PixelImage image)
    {
        double[] sums = new double[48], counts = new double[48];
        for (int i = 0; i < image.Pixels.Length; i++)
        {
            int x = i / 3 % image.Width, y = i / 3 / image.Width, tile = (((y * 4 / image.Height) * 4) + (x * 4 / image.Width)) * 3 + (i % 3);
            sums[tile] += image.Pixels[i];
            counts[tile]++;
        }

        return [.. sums.Zip(counts, (s, n) => s / n)];
    }

    private static double Correlation(double[] a, double[] b)
    {
        double ma = a.Average(), mb = b.Average();
        double cov = a.Zip(b, (x, y) => (x - ma) * (y - mb)).Sum();
        return cov / Math.Sqrt(a.Sum(x => (x - ma) * (x - ma)) * b.Sum(y => (y - mb) * (y - mb)));
    }

    [Fact]
    public void CloseUps_ShowTheSameFaces_BeforeOneBackground()
    {
        var (portraits, close) = (new FaceDataset(20, seed: 3), new FaceDataset(20, seed: 3, framing: FaceFraming.CloseUp));
        for (int i = 0; i < 20; i++)
        {
            var (whole, near) = (portraits.Factors(i), close.Factors(i));
            Assert.Equal((whole.Smile, whole.HairStyle, whole.SkinTone, whole.HeadTurn / 2), (near.Smile, near.HairStyle, near.SkinTone, near.HeadTurn));
            Assert.Equal((Background.Blue, Clothing.Tee, 0.0), (near.Background, near.Clothing, near.LightWarmth));
            Assert.Equal((64, 64), (close.Get(i).Image.Width, close.Get(i).Image.Height));
            Assert.NotEqual(portraits.ContentKey(i), close.ContentKey(i));
        }
    }
}
