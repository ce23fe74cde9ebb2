namespace Imago.Data.Faces;

/// <summary>How the face presents: lashes, lips, brows, jaw and neck follow it.</summary>
public enum FacePresentation
{
    /// <summary>Feminine.</summary>
    Woman,

    /// <summary>Masculine.</summary>
    Man,
}

/// <summary>Colour of the iris.</summary>
public enum EyeColor
{
    /// <summary>Brown.</summary>
    Brown,

    /// <summary>Blue.</summary>
    Blue,

    /// <summary>Green.</summary>
    Green,
}

/// <summary>Cut of the hair.</summary>
public enum HairStyle
{
    /// <summary>No hair.</summary>
    Bald,

    /// <summary>A few millimetres all over.</summary>
    Buzz,

    /// <summary>Short, swept to one side.</summary>
    Swept,

    /// <summary>Short, in spikes.</summary>
    Spiky,

    /// <summary>A crown of curls.</summary>
    Curly,

    /// <summary>A round afro.</summary>
    Afro,

    /// <summary>Chin-length, parted.</summary>
    Bob,

    /// <summary>Long, with a straight fringe over the forehead.</summary>
    Fringe,

    /// <summary>Long and straight, parted in the middle.</summary>
    Straight,

    /// <summary>Long, in waves.</summary>
    Wavy,

    /// <summary>Tied up in a bun on top.</summary>
    Bun,

    /// <summary>Tied back in a ponytail over one shoulder.</summary>
    Ponytail,
}

/// <summary>Colour of hair, brows and beard.</summary>
public enum HairColor
{
    /// <summary>Black.</summary>
    Black,

    /// <summary>Brown.</summary>
    Brown,

    /// <summary>Red.</summary>
    Red,

    /// <summary>Blond.</summary>
    Blond,

    /// <summary>Grey.</summary>
    Grey,

    /// <summary>Dyed pink.</summary>
    Pink,

    /// <summary>Dyed blue.</summary>
    Blue,
}

/// <summary>Spectacles.</summary>
public enum Glasses
{
    /// <summary>None.</summary>
    None,

    /// <summary>Round frames.</summary>
    Round,

    /// <summary>Square frames.</summary>
    Square,
}

/// <summary>Hair of the lower face.</summary>
public enum Beard
{
    /// <summary>Clean-shaven.</summary>
    None,

    /// <summary>A shadow of a few days.</summary>
    Stubble,

    /// <summary>On the upper lip only.</summary>
    Moustache,

    /// <summary>A full beard with moustache.</summary>
    Full,
}

/// <summary>What is worn.</summary>
public enum Clothing
{
    /// <summary>A crew-neck T-shirt.</summary>
    Tee,

    /// <summary>A shirt with a collar.</summary>
    Shirt,

    /// <summary>A turtleneck.</summary>
    Turtleneck,
}

/// <summary>Colour of the clothing.</summary>
public enum ClothingColor
{
    /// <summary>Red.</summary>
    Red,

    /// <summary>Blue.</summary>
    Blue,

    /// <summary>Green.</summary>
    Green,

    /// <summary>Yellow.</summary>
    Yellow,

    /// <summary>White.</summary>
    White,

    /// <summary>Black.</summary>
    Black,

    /// <summary>Purple.</summary>
    Purple,
}

/// <summary>Colour behind the head.</summary>
public enum Background
{
    /// <summary>Blue.</summary>
    Blue,

    /// <summary>Green.</summary>
    Green,

    /// <summary>Yellow.</summary>
    Yellow,

    /// <summary>Pink.</summary>
    Pink,

    /// <summary>Purple.</summary>
    Purple,

    /// <summary>Orange.</summary>
    Orange,

    /// <summary>Grey.</summary>
    Grey,
}
