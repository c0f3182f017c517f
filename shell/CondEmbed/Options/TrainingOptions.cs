using System.Collections;
using CondEmbed.Datasets;
using CondEmbed.Evaluation;

namespace CondEmbed.Options;

/// <summary>
/// The settings of a run for C#. A property that is not set has the encoder's default: the recipe of the bundled emoji for <c>small</c>, that of
/// photographs for the ResNets. A run that leaves the encoder open starts photographs from a ResNet-18 trained on ImageNet, and anything else from nothing with <c>small</c>. The properties are generated from those of <see cref="Config"/> and <see cref="HostSettings"/> at compile time.
/// </summary>
public sealed partial record TrainingOptions
{
    /// <summary>The run folder; by default one below <c>runs</c> named after the time.</summary>
    public string? Out { get; init; }

    /// <summary>
    /// The complete settings, without a look at the data: an encoder that is left open is <c>small</c>. A <see cref="Runs.Trainer"/> looks at the data first; its
    /// <see cref="Runs.Trainer.Settings"/> are those that it trains with.
    /// </summary>
    /// <exception cref="Common.InputException">Everything that is wrong with them.</exception>
    public RunSettings Resolve() => RunSettings.Resolve(Given());

    internal IEnumerable<Given> Given() =>
        from property in typeof(TrainingOptions).GetProperties()
        where property.Name != nameof(Out) && property.GetIndexParameters().Length == 0
        let value = property.GetValue(this)
        where value is not null
        from given in Texts(JsonNamingPolicy.SnakeCaseLower.ConvertName(property.Name), value)
        select new Given(property.Name, given.Key, given.Text);

    private static IEnumerable<(string Key, string Text)> Texts(string key, object value) => value switch
    {
        IReadOnlyDictionary<string, double> settings => settings.Select(pair => ($"{key}.{pair.Key}", Text(pair.Value))),
        IReadOnlyList<int> numbers => [(key, string.Join(',', numbers))],
        IEnumerable list and not string => throw new ArgumentException($"{key} cannot be {list.GetType().Name}", nameof(value)),
        _ => [(key, Text(value))],
    };

    private static string Text(object value) => value switch
    {
        bool flag => flag ? "true" : "false",
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => (string)value,
    };
}
