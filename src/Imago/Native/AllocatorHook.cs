using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Imago;

/// <summary>
/// Puts <see cref="CachingAllocator"/> behind libtorch's interface of allocators for the CPU (<c>c10::Allocator</c>, Linux x64).
/// </summary>
/// <remarks>
/// The hook is an object with a copy of the default allocator's virtual table in which two entries lead to a page of machine code. That code calls
/// the managed functions named in two slots; when a slot is empty (the process is ending, the .NET runtime may be gone) memory comes from
/// the default allocator and is not taken back. A failed allocation leaves by <c>c10::detail::torchCheckFail</c>, with no managed frame on the stack,
/// as an ordinary error of libtorch.
/// </remarks>
internal static unsafe class AllocatorHook
{
    private const string SetAllocator = "_ZN3c1015SetCPUAllocatorEPNS_9AllocatorEh";
    private const string GetAllocator = "_ZN3c1015GetCPUAllocatorEv";
    private const string DefaultTable = "_ZTVN3c1019DefaultCPUAllocatorE";
    private const string ThrowError = "_ZN3c106detail14torchCheckFailEPKcS2_jS2_";

    // Entries of the virtual table: two destructors, allocate, is_simple_data_ptr, raw_deleter, copy_data.
    // They lie behind the offset to the top and the type information.
    private const int TableStart = 2;
    private const int AllocateEntry = 2, RawDeleterEntry = 4, EntryCount = 6;

    /// <summary>c10::DataPtr as the Itanium C++ ABI with libstdc++ lays it out. The context must equal the data: libtorch checks it.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct DataPtr
    {
        internal byte* Data;
        internal void* Deleter;
        internal byte* Context;
        internal byte DeviceType;      // CPU is 0
        internal sbyte DeviceIndex;    // −1: no index
    }

    /// <summary>What the machine code reads; in unmanaged memory, never freed.</summary>
    private struct Slots
    {
        internal delegate* unmanaged<DataPtr*, void*, nuint, byte*> Allocate;
        internal delegate* unmanaged<byte*, void> Release;
    }

    private static Slots* _slots;
    private static void* _deleter;

    [ThreadStatic]
    private static byte* _message;

    /// <summary>Installs the allocator for the rest of the process.</summary>
    /// <returns>Null, or why it was not installed.</returns>
    internal static string? Install()
    {
        if (!OperatingSystem.IsLinux() || RuntimeInformation.ProcessArchitecture != Architecture.X64) return "made for Linux x64 only";
        if (LibTorchSharpLoader.FindNative("libc10.so") is not { } path || !NativeLibrary.TryLoad(path, out var c10)) return "libc10.so was not found";
        foreach (var name in (string[])[SetAllocator, GetAllocator, DefaultTable, ThrowError])
        {
            if (!NativeLibrary.TryGetExport(c10, name, out _)) return $"this libtorch does not export {name}";
        }

        var setAllocator = (delegate* unmanaged<void*, byte, void>)NativeLibrary.GetExport(c10, SetAllocator);
        var original = ((delegate* unmanaged<void***>)NativeLibrary.GetExport(c10, GetAllocator))();
        var table = (void**)NativeLibrary.GetExport(c10, DefaultTable) + TableStart;
        if (*original != table) return "another allocator is installed already";

        var library = LoadedFile.At(setAllocator);
        for (int entry = 0; entry < EntryCount; entry++)
        {
            if (library?.Contains(table[entry]) != true) return "the allocator's virtual table is not laid out as expected";
        }

        _slots = (Slots*)NativeMemory.AllocZeroed((nuint)sizeof(Slots));
        var code = MachineCode.Write(
            &_slots->Allocate, &_slots->Release, original, table[AllocateEntry], (void*)NativeLibrary.GetExport(c10, ThrowError));
        if (code is not { } entries) return "the system allows no executable pages";
        _deleter = entries.Deleter;

        RuntimeHelpers.RunClassConstructor(typeof(CachingAllocator).TypeHandle);
        _slots->Allocate = &Allocate;
        _slots->Release = &Release;

        var hook = (void***)NativeMemory.Alloc(1 + TableStart + EntryCount, (nuint)sizeof(void*));
        var hookTable = (void**)(hook + 1) + TableStart;
        *hook = hookTable;
        for (int entry = -TableStart; entry < EntryCount; entry++) hookTable[entry] = table[entry];
        hookTable[AllocateEntry] = entries.Allocate;
        hookTable[RawDeleterEntry] = entries.RawDeleter;

        setAllocator(hook, 0);
        AppDomain.CurrentDomain.ProcessExit += (_, _) =>
        {
            setAllocator(original, 0);
            _slots->Allocate = null;
            _slots->Release = null;
        };
        return null;
    }

    /// <returns>Null, or the message of the error to throw.</returns>
    [UnmanagedCallersOnly]
    private static byte* Allocate(DataPtr* result, void* allocator, nuint bytes)
    {
        var data = bytes == 0 ? null : CachingAllocator.Allocate(bytes);
        *result = new DataPtr { Data = data, Deleter = _deleter, Context = data, DeviceIndex = -1 };
        return data is null && bytes > 0 ? Message(bytes) : null;
    }

    [UnmanagedCallersOnly]
    private static void Release(byte* data)
    {
        if (data is not null) CachingAllocator.Release(data);
    }

    private static byte* Message(nuint bytes)
    {
        const int Capacity = 512;
        if (_message is null) _message = (byte*)NativeMemory.Alloc(Capacity);
        var buffer = new Span<byte>(_message, Capacity);
        System.Text.Encoding.ASCII.TryGetBytes(TensorMemory.FailureMessage((long)Math.Min(bytes, long.MaxValue)), buffer[..^1], out var length);
        buffer[length] = 0;
        return _message;
    }
}
