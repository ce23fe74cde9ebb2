using System.Numerics;
using System.Runtime.InteropServices;

namespace Imago;

/// <summary>
/// Memory for tensors that keeps freed blocks for the next tensor of the same size, so that the kernel is asked (and every page is faulted in)
/// once instead of at every operation. Sizes are rounded up to eighths of powers of two; a freed block goes to the list of its size.
/// </summary>
/// <remarks>
/// All members may be called from any thread, with or without a managed frame below, and throw nothing. The garbage collector is told of what is taken from the system. A block begins with a header
/// (its size class, and while it is free the next free block), 64 bytes before the data that libtorch sees.
/// </remarks>
internal static unsafe class CachingAllocator
{
    private const nuint HeaderBytes = 64;
    private const ulong MaxBytes = 1UL << 60;

    private const nuint LargeBytes = 1 << 20, PageBytes = 4096;
    private const int SmallestPower = 9;                       // up to 2⁹ bytes the classes are multiples of 64
    private const int ClassCount = 8 * (64 - SmallestPower);

    [StructLayout(LayoutKind.Sequential)]
    private struct Block
    {
        internal int SizeClass;
        internal Block* Next;
    }

    private static readonly Block** Free = (Block**)NativeMemory.AllocZeroed(ClassCount, (nuint)sizeof(Block*));
    private static SpinLock _lock = new(enableThreadOwnerTracking: false);
    private static long _live, _peak, _reserved, _limit = long.MaxValue;

    /// <summary>Bytes of blocks that tensors hold.</summary>
    internal static long Live => Volatile.Read(ref _live);

    /// <summary>The largest <see cref="Live"/> since the last <see cref="ResetPeak"/>.</summary>
    internal static long Peak => Volatile.Read(ref _peak);

    /// <summary>Bytes taken from the system: those of tensors and those kept for the next ones.</summary>
    internal static long Reserved => Volatile.Read(ref _reserved);

    /// <summary>No allocation may bring <see cref="Reserved"/> above this.</summary>
    internal static long Limit
    {
        get => Volatile.Read(ref _limit);
        set => Volatile.Write(ref _limit, value);
    }

    /// <summary>Kept blocks are given back before more than this is taken from the system (seven eighths of the machine's memory).</summary>
    private static readonly long TrimAbove = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 8 * 7;

    /// <summary>A block of at least so many bytes, aligned to 64, or null if the limit or the machine does not allow it.</summary>
    internal static byte* Allocate(nuint bytes)
    {
        if (bytes > MaxBytes) return null;
        var sizeClass = ClassOf(bytes);
        var block = Take(sizeClass);
        if (block is null) block = Reserve(sizeClass);
        return block is null ? null : (byte*)block + HeaderBytes;
    }

    /// <summary>Takes back what <see cref="Allocate"/> gave.</summary>
    internal static void Release(byte* data)
    {
        var block = (Block*)(data - HeaderBytes);
        var entered = false;
        _lock.Enter(ref entered);
        block->Next = Free[block->SizeClass];
        Free[block->SizeClass] = block;
        Count(-(long)BlockBytes(block->SizeClass), reserved: 0);
        _lock.Exit();
    }

    /// <summary>Gives all kept blocks back to the system.</summary>
    /// <returns>How many bytes that were.</returns>
    internal static long Trim()
    {
        long bytes = 0;
        for (int sizeClass = 0; sizeClass < ClassCount; sizeClass++)
        {
            var size = BlockBytes(sizeClass);
            for (var block = Detach(sizeClass); block is not null;)
            {
                var next = block->Next;
                Unreserve(block, size);
                bytes += (long)size;
                block = next;
            }
        }
        return bytes;
    }

    internal static void ResetPeak()
    {
        var entered = false;
        _lock.Enter(ref entered);
        _peak = _live;
        _lock.Exit();
    }

    /// <summary>Which class holds so many bytes of data.</summary>
    internal static int ClassOf(nuint bytes)
    {
        if (bytes <= (nuint)1 << SmallestPower) return (int)((Math.Max(bytes, 1) - 1) / 64);
        var power = BitOperations.Log2(bytes - 1);
        var eighth = (int)(((bytes - 1) >> (power - 3)) & 7);
        return 8 * (power - SmallestPower + 1) + eighth;
    }

    /// <summary>The data that a block of the class can hold.</summary>
    internal static nuint DataBytes(int sizeClass)
    {
        var (group, eighth) = Math.DivRem(sizeClass, 8);
        if (group == 0) return (nuint)(64 * (eighth + 1));
        var power = group + SmallestPower - 1;
        return (nuint)(9 + eighth) << (power - 3);
    }

    /// <summary>What a block of the class takes from the system, header included.</summary>
    private static nuint BlockBytes(int sizeClass)
    {
        var data = DataBytes(sizeClass);
        return data + (data >= LargeBytes ? PageBytes : HeaderBytes);
    }

    private static Block* Take(int sizeClass)
    {
        var entered = false;
        _lock.Enter(ref entered);
        var block = Free[sizeClass];
        if (block is not null)
        {
            Free[sizeClass] = block->Next;
            Count((long)BlockBytes(sizeClass), reserved: 0);
        }
        _lock.Exit();
        return block;
    }

    private static Block* Reserve(int sizeClass)
    {
        var size = (long)BlockBytes(sizeClass);
        if (size > Math.Min(Limit, TrimAbove) - Reserved) Trim();
        var block = TryReserve(sizeClass, size);
        if (block is null)
        {
            CollectGarbage(size);
            block = TryReserve(sizeClass, size);
        }
        return block;
    }

    private static Block* TryReserve(int sizeClass, long size)
    {
        if (!IsAllowed(size)) return null;
        var block = FromSystem((nuint)size);
        if (block is null)
        {
            Cancel(size);
            return null;
        }
        block->SizeClass = sizeClass;
        GC.AddMemoryPressure(size);        // a tensor is a small object to the collector; this tells it what hangs on such objects
        return block;
    }

    /// <summary>
    /// Frees what tensors hold that nobody refers to any more, and trims. Their finalizers run on another thread, which may itself wait
    /// for this one, so the wait is short.
    /// </summary>
    private static void CollectGarbage(long wanted)
    {
        var before = Live;
        GC.Collect();
        SpinWait.SpinUntil(() => before - Live >= wanted, TimeSpan.FromMilliseconds(200));
        Trim();
    }

    private static bool IsAllowed(long size)
    {
        var entered = false;
        _lock.Enter(ref entered);
        var allowed = size <= _limit - _reserved;
        if (allowed) Count(size, reserved: size);
        _lock.Exit();
        return allowed;
    }

    private static void Cancel(long size)
    {
        var entered = false;
        _lock.Enter(ref entered);
        Count(-size, reserved: -size);
        _lock.Exit();
    }

    /// <summary>The lock is held.</summary>
    private static void Count(long live, long reserved)
    {
        _live += live;
        _reserved += reserved;
        _peak = Math.Max(_peak, _live);
    }

    private static Block* Detach(int sizeClass)
    {
        var entered = false;
        _lock.Enter(ref entered);
        var blocks = Free[sizeClass];
        Free[sizeClass] = null;
        _lock.Exit();
        return blocks;
    }

    private static void Unreserve(Block* block, nuint size)
    {
        ToSystem(block, size);
        GC.RemoveMemoryPressure((long)size);
        var entered = false;
        _lock.Enter(ref entered);
        Count(0, reserved: -(long)size);
        _lock.Exit();
    }

    private static bool IsMapped(nuint size) => size >= LargeBytes + PageBytes;

    private static Block* FromSystem(nuint size)
    {
        if (IsMapped(size)) return (Block*)Libc.Map(size);
        return Libc.posix_memalign(out var memory, HeaderBytes, size) == 0 ? (Block*)memory : null;
    }

    private static void ToSystem(Block* block, nuint size)
    {
        if (IsMapped(size)) _ = Libc.munmap(block, size);
        else Libc.free(block);
    }
}
