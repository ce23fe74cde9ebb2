namespace Imago;

/// <summary>
/// Something outside the program is not as it must be: a file, a checkpoint, a data set, the machine.
/// The message says what failed, what was found, what was expected and what to do; it is meant for users as it stands.
/// </summary>
/// <remarks>Wrong arguments are reported as <see cref="ArgumentException"/> instead.</remarks>
public class ImagoException : Exception
{
    /// <summary>Creates the exception with a message for users.</summary>
    /// <param name="message">What failed, what was got, what was expected, what to do.</param>
    /// <param name="innerException">The cause, if another exception tells more.</param>
    public ImagoException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }
}

/// <summary>A file of weights, or the configuration beside it, is damaged, refused or does not fit the model.</summary>
public sealed class CheckpointException : ImagoException
{
    /// <inheritdoc cref="ImagoException(string, Exception?)"/>
    public CheckpointException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }
}

/// <summary>A data set or an image in it cannot be used.</summary>
public sealed class DataException : ImagoException
{
    /// <inheritdoc cref="ImagoException(string, Exception?)"/>
    public DataException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }
}

/// <summary>A model of the hub cannot be had: it is not there, may not be read, or does not come through.</summary>
public sealed class HubException : ImagoException
{
    /// <inheritdoc cref="ImagoException(string, Exception?)"/>
    public HubException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }
}
