using System.ComponentModel;
using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using Microsoft.Extensions.Configuration;

namespace CondEmbed.Search;

/// <summary>Sets options as a section of a configuration says. Unlike the configuration's own binder it goes on after a mistake, so that all are told at once.</summary>
[RequiresUnreferencedCode(CheckedOptions.Reflects)]
[RequiresDynamicCode(CheckedOptions.Reflects)]
internal static class BoundOptions
{
    /// <summary>Sets the properties that the section names.</summary>
    /// <param name="section">Where the options are. Of a whole configuration, what the options do not know belongs to others.</param>
    /// <param name="options">The options: texts, whole numbers, true or false, and groups of these.</param>
    /// <param name="prefix">What comes before the name of an option.</param>
    /// <returns>What could not be set: the name of an option, and a clause without a full stop.</returns>
    internal static IReadOnlyList<(string Option, string Problem)> Bind(IConfiguration section, object options, string prefix = "")
    {
        PropertyInfo[] known = [.. options.GetType().GetProperties().Where(property => property.CanWrite && (IsValue(property.PropertyType) || IsGroup(property.PropertyType)))];
        var problems = new List<(string, string)>();
        foreach (var entry in section.GetChildren())
        {
            var option = prefix + entry.Key;
            if (known.FirstOrDefault(property => property.Name.Equals(entry.Key, StringComparison.OrdinalIgnoreCase)) is { } property)
            {
                problems.AddRange(IsGroup(property.PropertyType) ? Group(entry, property.GetValue(options)!, option) : Value(entry, property, options, option));
            }
            else if (section is IConfigurationSection)
            {
                var names = known.Select(property => property.Name).ToList();
                problems.Add((option, NearestName.Hint(names, entry.Key) is { Length: > 0 } hint ? "no such option" + hint : $"no such option; there are {string.Join(", ", names)}"));
            }
        }

        return problems;
    }

    private static bool IsValue(Type type) => type == typeof(string) || type == typeof(int) || type == typeof(bool);

    private static bool IsGroup(Type type) => type.IsClass && !IsValue(type) && type.GetConstructor(Type.EmptyTypes) is not null;

    private static IReadOnlyList<(string Option, string Problem)> Group(IConfigurationSection entry, object group, string option) =>
        string.IsNullOrEmpty(entry.Value) ? Bind(entry, group, option + ":") : [(option, $"has options of its own, and cannot be '{entry.Value}'")];

    private static IReadOnlyList<(string Option, string Problem)> Value(IConfigurationSection entry, PropertyInfo property, object options, string option)
    {
        if (entry.Value is not { } text)
        {
            return entry.GetChildren().Any() ? [(option, "is one value, not a section")] : [];
        }

        try
        {
            property.SetValue(options, TypeDescriptor.GetConverter(property.PropertyType).ConvertFromInvariantString(text));
            return [];
        }
        catch (Exception problem) when (problem is ArgumentException or FormatException or OverflowException)
        {
            return [(option, $"must be {(property.PropertyType == typeof(bool) ? "true or false" : "a whole number")}, not '{text}'")];
        }
    }
}
