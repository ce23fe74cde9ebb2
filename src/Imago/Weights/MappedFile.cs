using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Weights;

/// <summary>
/// A file in memory by mapping, which lends its pages to tensors. The mapping lives until it is closed and the last tensor is gone.
/// Its pages are private (copy on write): writing in place to a lent tensor changes neither the file nor what other processes see.
/// </summary>
internal sealed unsafe class MappedFile : IDisposable
{
    private static readonly Lock Gate = new();
    private static readonly Dictionary<nint, MappedFile> Lenders = [];

    private readonly MemoryMappedFile? _file;
    private readonly MemoryMappedViewAccessor? _view;
    private readonly HashSet<nint> _lent = [];
    private readonly byte* _start;
    private int _users = 1;
    private bool _isClosed;

    /// <summary>Maps a file whole.</summary>
    /// <exception cref="CheckpointException">There is no such file, or it cannot be read.</exception>
    internal MappedFile(string path)
    {
        Path = path;
        try
        {
            var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 0);
            Length = stream.Length;
            if (Length == 0)
            {
                stream.Dispose();
                return;
            }
            _file = MemoryMappedFile.CreateFromFile(stream, null, 0, MemoryMappedFileAccess.CopyOnWrite, HandleInheritability.None, leaveOpen: false);
            _view = _file.CreateViewAccessor(0, Length, MemoryMappedFileAccess.CopyOnWrite);
            _view.SafeMemoryMappedViewHandle.AcquirePointer(ref _start);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            _view?.Dispose();
            _file?.Dispose();
            throw new CheckpointException(File.Exists(path) ? $"{path}: cannot be read: {e.Message}" : $"{path}: there is no such file.", e);
        }
    }

    internal string Path { get; }

    internal long Length { get; }

    /// <summary>The address of a byte of the file.</summary>
    internal nint Address(long offset)
    {
        ObjectDisposedException.ThrowIf(_isClosed, this);
        return (nint)(_start + offset);
    }

    /// <summary>Bytes of the file, without a copy; valid until the file is closed.</summary>
    internal ReadOnlySpan<byte> Span(long offset, int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, Length - length);
        return new ReadOnlySpan<byte>((byte*)Address(offset), length);
    }

    /// <summary>A stream over a part of the file.</summary>
    internal Stream Stream(long offset, long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, Length - length);
        return new UnmanagedMemoryStream((byte*)Address(offset), length);
    }

    /// <summary>A tensor over bytes of the file, which the caller has checked to lie inside it; no copy.</summary>
    internal Tensor Lend(long offset, ScalarType type, ReadOnlySpan<long> shape)
    {
        var address = Address(offset);
        lock (Gate)
        {
            _users++;
            _lent.Add(address);
            Lenders[address] = this;
        }
        try
        {
            return NativeTensors.Over(address, type, shape, &TakeBack);
        }
        catch
        {
            Leave();
            throw;
        }
    }

    /// <summary>Gives back the memory of the pages that were read, unless a tensor over them is alive; they are read again when they are needed.</summary>
    internal void Forget()
    {
        lock (Gate)
        {
            if (OperatingSystem.IsLinux() && !_isClosed && _users == 1 && Length > 0) Libc.Forget(_start, (nuint)Length);
        }
    }

    /// <summary>Closes the file; it stays mapped until the last lent tensor is gone.</summary>
    public void Dispose()
    {
        if (_isClosed) return;
        _isClosed = true;
        Leave();
    }

    [UnmanagedCallersOnly]
    private static void TakeBack(nint address)
    {
        MappedFile? lender;
        lock (Gate) Lenders.TryGetValue(address, out lender);
        lender?.Leave();
    }

    private void Leave()
    {
        lock (Gate)
        {
            if (--_users > 0) return;
            foreach (var address in _lent) Lenders.Remove(address);
        }
        _view?.SafeMemoryMappedViewHandle.ReleasePointer();
        _view?.Dispose();
        _file?.Dispose();
    }
}
