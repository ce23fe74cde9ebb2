using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Training;

/// <summary>
/// Operations over whole lists of tensors, which TorchSharp does not offer, reached through TorchScript: one native call instead of ten per
/// parameter. The script is constant (an error in it would end the process) and compiled once.
/// </summary>
internal static class FusedOperations
{
    private static readonly Lazy<jit.CompilationUnit> Script = new(() => jit.compile("""
        def adamw(p: List[Tensor], g: List[Tensor], m: List[Tensor], v: List[Tensor], t: List[Tensor],
                  lr: float, beta1: float, beta2: float, decay: float, eps: float) -> Tensor:
            torch._foreach_add_(t, 1)
            torch._fused_adamw_(p, g, m, v, [], t, lr=lr, beta1=beta1, beta2=beta2, weight_decay=decay, eps=eps, amsgrad=False, maximize=False)
            return t[0]

        def adam(p: List[Tensor], g: List[Tensor], m: List[Tensor], v: List[Tensor], t: List[Tensor],
                 lr: float, beta1: float, beta2: float, decay: float, eps: float) -> Tensor:
            torch._foreach_add_(t, 1)
            torch._fused_adam_(p, g, m, v, [], t, lr=lr, beta1=beta1, beta2=beta2, weight_decay=decay, eps=eps, amsgrad=False, maximize=False)
            return t[0]

        def sgd(p: List[Tensor], g: List[Tensor], b: List[Tensor],
                lr: float, momentum: float, dampening: float, decay: float, nesterov: bool, first: bool) -> Tensor:
            torch._fused_sgd_(p, g, b, weight_decay=decay, momentum=momentum, lr=lr, dampening=dampening,
                              nesterov=nesterov, maximize=False, is_first_step=first)
            return p[0]

        def lerp(shadow: List[Tensor], value: List[Tensor], weight: float) -> Tensor:
            torch._foreach_lerp_(shadow, value, weight)
            return shadow[0]

        def scale(x: List[Tensor], factor: float) -> Tensor:
            torch._foreach_mul_(x, factor)
            return x[0]

        def norm(x: List[Tensor]) -> Tensor:
            return torch.norm(torch.stack(torch._foreach_norm(x, 2)))

        """));

    internal static void AdamW(Tensor[] p, Tensor[] g, Tensor[] m, Tensor[] v, Tensor[] t, double lr, double beta1, double beta2, double decay, double eps) =>
        Invoke("adamw", p, g, m, v, t, lr, beta1, beta2, decay, eps);

    internal static void Adam(Tensor[] p, Tensor[] g, Tensor[] m, Tensor[] v, Tensor[] t, double lr, double beta1, double beta2, double decay, double eps) =>
        Invoke("adam", p, g, m, v, t, lr, beta1, beta2, decay, eps);

    internal static void Sgd(Tensor[] p, Tensor[] g, Tensor[] b, double lr, double momentum, double dampening, double decay, bool nesterov, bool first) =>
        Invoke("sgd", p, g, b, lr, momentum, dampening, decay, nesterov, first);

    /// <summary>shadow ← shadow + weight·(value − shadow).</summary>
    internal static void Lerp(Tensor[] shadow, Tensor[] value, double weight) => Invoke("lerp", shadow, value, weight);

    internal static void Scale(Tensor[] x, double factor) => Invoke("scale", x, factor);

    /// <summary>√Σx² over all tensors.</summary>
    internal static double Norm(Tensor[] x)
    {
        using var scope = NewDisposeScope();
        return Run("norm", (object)x).to(float64).item<double>();
    }

    private static void Invoke(string function, params object[] arguments)
    {
        if (((Tensor[])arguments[0]).Length == 0) return;
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        Run(function, arguments);
    }

    private static Tensor Run(string function, params object[] arguments)
    {
        // Numbers become Scalars here rather than inside TorchSharp, which lets go of its own before the native call has read them.
        var values = Array.ConvertAll(arguments, argument => argument is double number ? (Scalar)number : argument);
        var result = Script.Value.invoke<Tensor>(function, values);
        GC.KeepAlive(values);
        return result;
    }
}
