using System.Runtime.InteropServices;

namespace Imago;

/// <summary>The few functions of the C library that pages of memory need (Linux, x64).</summary>
internal static unsafe partial class Libc
{
    internal const int ProtectionRead = 1, ProtectionWrite = 2, ProtectionExecute = 4;
    private const int MapPrivateAnonymous = 0x22, AdviceHugePages = 14, AdviceNotNeeded = 4;
    private const nuint HugePage = 2 << 20;

    /// <summary>Fresh pages, on huge pages where the kernel has some; null if there is no memory.</summary>
    internal static byte* Map(nuint bytes)
    {
        var slack = bytes >= HugePage ? HugePage : 0;
        var mapping = (byte*)mmap(null, bytes + slack, ProtectionRead | ProtectionWrite, MapPrivateAnonymous, -1, 0);
        if ((nint)mapping == -1) return null;
        if (slack == 0) return mapping;

        var aligned = (byte*)(((nuint)mapping + slack - 1) & ~(slack - 1));
        var before = (nuint)(aligned - mapping);
        if (before > 0) _ = munmap(mapping, before);
        if (slack - before > 0) _ = munmap(aligned + bytes, slack - before);
        _ = madvise(aligned, bytes, AdviceHugePages);
        return aligned;
    }

    /// <summary>Lets the kernel take back the pages of a mapped file that nobody has written to or will miss: the next access reads the file again.</summary>
    internal static void Forget(void* address, nuint bytes) => _ = madvise(address, bytes, AdviceNotNeeded);

    [LibraryImport("libc")]
    private static partial void* mmap(void* address, nuint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc")]
    internal static partial int munmap(void* address, nuint length);

    [LibraryImport("libc")]
    internal static partial int mprotect(void* address, nuint length, int protection);

    [LibraryImport("libc")]
    internal static partial int posix_memalign(out void* memory, nuint alignment, nuint size);

    [LibraryImport("libc")]
    internal static partial void free(void* memory);

    [LibraryImport("libc")]
    private static partial int madvise(void* address, nuint length, int advice);
}
