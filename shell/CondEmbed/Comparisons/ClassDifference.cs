using CondEmbed.Evaluation;
using CondEmbed.Studies;

namespace CondEmbed.Comparisons;

/// <summary>What the test classes of a run gain over those of the first run, by MAP@R after the last step.</summary>
/// <param name="Run">The run's name.</param>
/// <param name="Reference">The first run's name.</param>
/// <param name="Estimate">Mean over the classes and its 95 % interval, as fractions: what other classes might have shown, not what other seeds might.</param>
/// <param name="Better">Classes that improved.</param>
/// <param name="Worse">Classes that got worse.</param>
/// <param name="Classes">Every class with its difference, largest gain first.</param>
public sealed record ClassDifference(
    string Run, string Reference, Estimate Estimate, int Better, int Worse, IReadOnlyList<KeyValuePair<string, double>> Classes)
{
    /// <summary>Null if the two were not tested on the same classes, or did not record them.</summary>
    internal static ClassDifference? Of(ComparedRun run, ComparedRun reference)
    {
        if (run.Data != reference.Data || run.Classes.Count == 0 || !run.Classes.Keys.ToHashSet().SetEquals(reference.Classes.Keys))
        {
            return null;
        }

        KeyValuePair<string, double>[] differences =
        [
            .. from own in run.Classes
               let value = own.Value.Values.Find(MetricNames.MapAtR)
               let other = reference.Classes[own.Key].Values.Find(MetricNames.MapAtR)
               where value is not null && other is not null
               orderby value - other descending, own.Key
               select KeyValuePair.Create(own.Key, value.Value - other.Value),
        ];
        return new(run.Name, reference.Name, Estimate.Of(differences.Select(one => one.Value)), differences.Count(one => one.Value > 0), differences.Count(one => one.Value < 0), differences);
    }
}
