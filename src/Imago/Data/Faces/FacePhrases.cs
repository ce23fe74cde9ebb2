namespace Imago.Data.Faces;

/// <summary>The phrases of <see cref="FaceCaptions"/>, by what they do in a sentence. A noun that wants an article begins with "a ", which is no part of the phrase.</summary>
internal static class FacePhrases
{
    private static readonly string[] HairLooks = ["short", "long", "spiky", "curly", "straight", "wavy"];

    internal static FacePhrase[] People { get; } =
    [
        .. Words("presentation", (int)FacePresentation.Woman, "woman", "lady", "girl", "female"),
        .. Words("presentation", (int)FacePresentation.Man, "man", "guy", "boy", "male"),
    ];

    internal static FacePhrase[] Moods { get; } =
    [
        .. Range("smile", 0.35, 1, "smiling", "happy", "cheerful", "joyful"), .. Range("smile", 0.7, 1, "grinning", "laughing"),
        .. Range("smile", -0.15, 0.15, "serious", "calm", "neutral"), .. Range("smile", -1, -0.4, "frowning", "sad", "unhappy", "gloomy"),
    ];

    internal static FacePhrase[] Mouths { get; } =
    [
        .. Range("smile", 0.35, 1, "a smile"), .. Range("smile", 0.7, 1, "a big smile", "a broad smile", "a grin"), .. Range("smile", -1, -0.4, "a frown"),
        .. Range("smile", -0.15, 0.15, "a neutral expression", "a serious expression"),
    ];

    internal static FacePhrase[] HairColors { get; } =
        [.. HairValues(c => [$"{c} hair"]), .. Words("hair_color", (int)HairColor.Blond, "blonde hair"), .. Words("hair_color", (int)HairColor.Grey, "gray hair"), .. Words("hair_color", (int)HairColor.Red, "ginger hair")];

    /// <summary>The colour before the look: "red curly hair".</summary>
    internal static FacePhrase[] ColorsBeforeLooks { get; } = [.. HairValues(c => [.. HairLooks.Select(look => $"{c} {look} hair")])];

    internal static FacePhrase[] HairedPeople { get; } = [.. HairValues(c => [$"{c}-haired"])];

    /// <summary>Words before "red hair", or after it where they begin with "in" or "with".</summary>
    internal static FacePhrase[] HairStyles { get; } =
    [
        .. Range("hair_style", (int)HairStyle.Buzz, (int)HairStyle.Spiky, "short"),
        .. Range("hair_style", (int)HairStyle.Fringe, (int)HairStyle.Wavy, "long"),
        .. Hair(HairStyle.Swept, "side-swept", "short side-swept"), .. Hair(HairStyle.Spiky, "spiky", "short spiky"), .. Hair(HairStyle.Curly, "curly"),
        .. Hair(HairStyle.Straight, "straight", "long straight"), .. Hair(HairStyle.Wavy, "wavy", "long wavy"), .. Hair(HairStyle.Buzz, "in a buzz cut"),
        .. Hair(HairStyle.Afro, "in an afro"),
        .. Hair(HairStyle.Bob, "in a bob"), .. Hair(HairStyle.Fringe, "with a fringe", "with bangs"), .. Hair(HairStyle.Bun, "in a bun"),
        .. Hair(HairStyle.Ponytail, "in a ponytail"),
    ];

    internal static FacePhrase[] BaldHeads { get; } = [.. Hair(HairStyle.Bald, "a bald head", "no hair")];

    internal static FacePhrase[] BaldPeople { get; } = [.. Hair(HairStyle.Bald, "bald")];

    internal static FacePhrase[] Spectacles { get; } =
    [
        .. Words("glasses", (int)Glasses.Round, "round glasses", "round spectacles", "round eyeglasses"),
        .. Words("glasses", (int)Glasses.Square, "square glasses", "square spectacles", "square eyeglasses"),
        .. Range("glasses", (int)Glasses.Round, (int)Glasses.Square, "glasses", "spectacles", "eyeglasses"),
    ];

    internal static FacePhrase[] NoSpectacles { get; } = [.. Words("glasses", (int)Glasses.None, "no glasses")];

    internal static FacePhrase[] Beards { get; } =
    [
        .. Words("beard", (int)Beard.Full, "a full beard", "a beard"), .. Words("beard", (int)Beard.Moustache, "a moustache", "a mustache"),
        .. Words("beard", (int)Beard.Stubble, "stubble"),
    ];

    internal static FacePhrase[] BeardedPeople { get; } = [.. Words("beard", (int)Beard.Full, "bearded"), .. Words("beard", (int)Beard.None, "clean-shaven")];

    internal static FacePhrase[] Features { get; } =
    [
        .. Values<EyeColor>("eye_color", c => [$"{c} eyes"]),
        .. Range("skin_tone", 0, 0.2, "fair skin", "pale skin", "light skin"), .. Range("skin_tone", 0.4, 0.55, "tan skin", "tanned skin"), .. Range("skin_tone", 0.75, 1, "dark skin"),
        .. Range("brow_height", 0.6, 1, "raised eyebrows"),
    ];

    internal static FacePhrase[] FeaturedPeople { get; } =
    [
        .. Values<EyeColor>("eye_color", c => [$"{c}-eyed"]), .. Range("skin_tone", 0, 0.2, "pale", "fair-skinned", "light-skinned"), .. Range("skin_tone", 0.4, 0.55, "tanned"),
        .. Range("skin_tone", 0.75, 1, "dark-skinned"),
    ];

    internal static FacePhrase[] Poses { get; } =
    [
        .. Range("gaze_x", -1, -0.55, "looking left", "looking to the left"), .. Range("gaze_x", 0.55, 1, "looking right", "looking to the right"),
        .. Range("head_turn", -20, -11, "turned to the left", "facing left"), .. Range("head_turn", 11, 20, "turned to the right", "facing right"),
        .. Range("head_tilt", -10, -6, "head tilted to the left"), .. Range("head_tilt", 6, 10, "head tilted to the right"),
    ];

    internal static FacePhrase[] Clothes { get; } =
    [
        .. Words("clothing", (int)Clothing.Tee, "T-shirt", "tee"), .. Words("clothing", (int)Clothing.Shirt, "collared shirt", "shirt"),
        .. Words("clothing", (int)Clothing.Turtleneck, "turtleneck"),
    ];

    internal static FacePhrase[] ClothingColors { get; } =
        [.. Values<ClothingColor>("clothing_color", c => [$"{c} T-shirt", $"{c} tee", $"{c} collared shirt", $"{c} shirt", $"{c} turtleneck"])];

    internal static FacePhrase[] Backgrounds { get; } = [.. Values<Background>("background", c => [$"{c} background", $"{c} backdrop"])];

    /// <summary>All of them, without articles.</summary>
    internal static IReadOnlyList<FacePhrase> All { get; } =
    [
        .. new[]
        {
            People, Moods, Mouths, HairColors, ColorsBeforeLooks, HairedPeople, HairStyles, BaldHeads, BaldPeople, Spectacles, NoSpectacles, Beards, BeardedPeople, Features, FeaturedPeople,
            Poses, Clothes, ClothingColors, Backgrounds,
        }.SelectMany(phrases => phrases).Select(phrase => phrase with { Text = phrase.Text.StartsWith("a ", StringComparison.Ordinal) ? phrase.Text[2..] : phrase.Text }),
    ];

    private static IEnumerable<FacePhrase> Range(string attribute, double minimum, double maximum, params string[] texts) =>
        texts.Select(t => new FacePhrase(t, attribute, minimum, maximum));

    private static IEnumerable<FacePhrase> Words(string attribute, int value, params string[] texts) => Range(attribute, value, value, texts);

    private static IEnumerable<FacePhrase> Hair(HairStyle style, params string[] texts) => Words("hair_style", (int)style, texts);

    private static IEnumerable<FacePhrase> HairValues(Func<string, string[]> texts) => Values<HairColor>("hair_color", texts);

    private static IEnumerable<FacePhrase> Values<T>(string attribute, Func<string, string[]> texts)
        where T : struct, Enum
        => Enum.GetNames<T>().SelectMany((name, value) => Words(attribute, value, texts(name.ToLowerInvariant())));
}
