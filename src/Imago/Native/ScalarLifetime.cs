using System.Runtime.InteropServices;

namespace Imago;

/// <summary>
/// Keeps the native half of a TorchSharp <c>Scalar</c> alive while an operation reads it. In <c>x * 0.5</c> the number becomes a temporary Scalar; TorchSharp
/// 0.107 passes its address to libtorch and nothing keeps the object itself, so a garbage collection in that moment frees what libtorch is reading
/// (seen as "Unknown scalar type"). Collections are frequent in training, so this matters.
/// </summary>
/// <remarks>
/// The function of TorchSharp's library that frees a Scalar is led to <see cref="Release"/>, which frees it only after a million others. That holds 32 MB at
/// most. On other systems than Linux x64 TorchSharp is left as it is.
/// </remarks>
internal static unsafe class ScalarLifetime
{
    private const int Held = 1 << 20, CodeBytes = 12;

    // test rdi, rdi; je …: how the function begins; anything else is not the function that this class knows.
    private static readonly byte[] Beginning = [0x48, 0x85, 0xFF, 0x74];

    private static readonly nint[] Ring = GC.AllocateArray<nint>(Held, pinned: true);
    private static int _next;

    /// <summary>Installs itself in the loaded library; false where that is not possible.</summary>
    internal static bool Install(string library)
    {
        if (!OperatingSystem.IsLinux() || RuntimeInformation.ProcessArchitecture != Architecture.X64) return false;
        if (!NativeLibrary.TryGetExport(NativeLibrary.Load(library), "THSTorch_dispose_scalar", out var address)) return false;
        var function = (byte*)address;
        if (!new ReadOnlySpan<byte>(function, Beginning.Length).SequenceEqual(Beginning)) return false;

        delegate* unmanaged<nint, void> release = &Release;
        byte[] jump = [0x48, 0xB8, .. BitConverter.GetBytes((ulong)release), 0xFF, 0xE0];       // mov rax, release; jmp rax
        var pageBytes = (nuint)Environment.SystemPageSize;
        var page = (byte*)((nuint)function & ~(pageBytes - 1));
        var bytes = (nuint)(function + CodeBytes - page + (nint)pageBytes - 1) & ~(pageBytes - 1);
        if (Libc.mprotect(page, bytes, Libc.ProtectionRead | Libc.ProtectionWrite | Libc.ProtectionExecute) != 0) return false;
        jump.CopyTo(new Span<byte>(function, CodeBytes));
        return Libc.mprotect(page, bytes, Libc.ProtectionRead | Libc.ProtectionExecute) == 0;
    }

    /// <summary>Takes the place of <c>delete scalar</c>: frees the scalar that came a million before instead. (Numbers own nothing else; operator delete is free.)</summary>
    [UnmanagedCallersOnly]
    private static void Release(nint scalar)
    {
        if (scalar == 0) return;
        var place = Interlocked.Increment(ref _next) & (Held - 1);
        var earlier = Interlocked.Exchange(ref Ring[place], scalar);
        Libc.free((void*)earlier);
    }
}
