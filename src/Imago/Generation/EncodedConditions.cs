using Imago.Models;

namespace Imago.Generation;

/// <summary>The conditions of a request, encoded: each text once for all pictures where there are not too many. Its tensors belong to the dispose scope in which it is made.</summary>
internal sealed class EncodedConditions
{
    private const int MostKept = 64;
    private readonly DiffusionModel _model;
    private readonly (int Height, int Width) _size;
    private readonly bool _isGuided;
    private readonly Dictionary<Condition, long> _rows = [];
    private readonly Conditioning? _kept;

    internal EncodedConditions(DiffusionModel model, GenerationRequest request, GenerationPlan plan)
    {
        (_model, _size, _isGuided) = (model, plan.Size, plan.Guidance.Rule is { IsNone: false });
        if (!model.IsPublished) return;
        var all = request.Pictures.SelectMany(Ends).SelectMany(condition => _isGuided ? [With(condition), Without(condition)] : new[] { With(condition) }).Distinct().ToList();
        if (all.Count > MostKept) return;
        foreach (var (row, condition) in all.Index()) _rows[condition] = row;
        _kept = model.Encoder.Encode(all, model.ComputeType);
    }

    /// <summary>What a batch is told with its conditions, and without them or with negative ones where guidance needs it.</summary>
    internal (Conditioning With, Conditioning? Without) Of(IReadOnlyList<PictureWish> wishes)
    {
        if (_kept is not null || !_isGuided) return (Encode(wishes, With), _isGuided ? Encode(wishes, Without) : null);
        if (!_model.IsPublished) return (Encode(wishes, With), Encode(wishes, Without));
        var both = _model.Encoder.Encode([.. wishes.Select(wish => With(wish.Condition)), .. wishes.Select(wish => Without(wish.Condition))], _model.ComputeType);
        return (Conditionings.Rows(both, [.. Enumerable.Range(0, wishes.Count).Select(i => (long)i)]), Conditionings.Rows(both, [.. Enumerable.Range(wishes.Count, wishes.Count).Select(i => (long)i)]));
    }

    private Conditioning Encode(IReadOnlyList<PictureWish> wishes, Func<Condition, Condition> side)
    {
        var from = Encode([.. wishes.Select(wish => side(wish.Condition))]);
        if (wishes.All(wish => wish.Towards is null)) return from;
        var to = Encode([.. wishes.Select(wish => side((wish.Towards ?? wish).Condition))]);
        return Conditionings.Between(from, to, [.. wishes.Select(wish => wish.Share)]);
    }

    private Conditioning Encode(IReadOnlyList<Condition> conditions) => _kept is null
        ? _model.Encoder.Encode(conditions, _model.ComputeType)
        : Conditionings.Rows(_kept, [.. conditions.Select(condition => _rows[condition])]);

    private static IEnumerable<Condition> Ends(PictureWish wish) => wish.Towards is { } towards ? [wish.Condition, towards.Condition] : [wish.Condition];

    private Condition With(Condition condition) => _model.Encoder.Complete(condition, _size.Height, _size.Width, isNegative: false);

    private Condition Without(Condition condition) => _model.Encoder.Complete(condition.Negative ?? Condition.None, _size.Height, _size.Width, isNegative: true);
}
