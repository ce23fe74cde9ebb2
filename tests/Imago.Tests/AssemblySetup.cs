using System.Runtime.CompilerServices;
using Xunit.Sdk;
using Xunit.v3;

[assembly: Parallelization(Mode = ParallelMode.None)]

namespace Imago.Tests;

internal static class AssemblySetup
{
    /// <summary>One thread: results do not depend on the machine, and a busy neighbour does not make OpenMP's threads wait for each other.</summary>
    [ModuleInitializer]
    internal static void Start() => TorchRuntime.Start(new TorchOptions { Threads = 1 });
}
