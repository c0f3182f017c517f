using System.Reflection;
using System.Text.Json.Serialization;

namespace CondEmbed.Extensions.AI;

/// <summary>
/// Makes records from the values of their properties, as System.Text.Json does: by the constructor that it would choose, whose parameters are named like properties, as those of a positional
/// record are. What the constructor does not take is set afterwards, also where it is <c>init</c> or <c>required</c>.
/// </summary>
internal sealed class RecordMaker<TRecord>
    where TRecord : class
{
    private const BindingFlags Unwrapped = BindingFlags.DoNotWrapExceptions;

    private readonly ConstructorInfo constructor;
    private readonly (string Property, object? Otherwise)[] parameters;
    private readonly PropertyInfo[] others;

    /// <summary>Finds the constructor of the class.</summary>
    /// <param name="stored">The properties that are stored.</param>
    /// <param name="refused">Makes an exception of what is wrong with the class.</param>
    internal RecordMaker(IReadOnlyList<PropertyInfo> stored, Func<string, Exception> refused)
    {
        constructor = Chosen(refused);
        parameters = [.. constructor.GetParameters().Select(parameter => (Taken(parameter, stored, refused), parameter.HasDefaultValue ? parameter.DefaultValue : null))];
        var taken = parameters.Select(parameter => parameter.Property).ToHashSet(StringComparer.Ordinal);
        others = [.. stored.Where(property => !taken.Contains(property.Name))];
        if (others.FirstOrDefault(property => !property.CanWrite) is { } closed)
        {
            throw refused($"has the property {closed.Name}, which cannot be set: write 'get; set;' or 'get; init;', or make it a parameter of the constructor");
        }
    }

    /// <summary>A record with these values, by the names of their properties; what has none keeps its default.</summary>
    internal TRecord Make(Dictionary<string, object?> values)
    {
        object?[] arguments = [.. parameters.Select(parameter => values.TryGetValue(parameter.Property, out var value) ? value : parameter.Otherwise)];
        var record = (TRecord)constructor.Invoke(Unwrapped, null, arguments, null);
        foreach (var property in others)
        {
            if (values.TryGetValue(property.Name, out var value))
            {
                property.SetValue(record, value, Unwrapped, null, null, null);
            }
        }

        return record;
    }

    private static ConstructorInfo Chosen(Func<string, Exception> refused)
    {
        var all = typeof(TRecord).GetConstructors(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic);
        ConstructorInfo[] open = [.. all.Where(one => one.IsPublic)];
        return typeof(TRecord).IsAbstract
            ? throw refused("is abstract, so no record can be made: name a class that is not")
            : all.FirstOrDefault(one => one.IsDefined(typeof(JsonConstructorAttribute)))
                ?? open.FirstOrDefault(one => one.GetParameters().Length == 0)
                ?? open switch
                {
                    [var only] => only,
                    [] => throw refused("has no public constructor: give it one, without parameters or with one for each property"),
                    _ => throw refused("has several constructors and none without parameters: mark the one to use with [JsonConstructor]"),
                };
    }

    /// <summary>The property that a parameter sets; none for one that has a default and sets no property that is stored.</summary>
    private static string Taken(ParameterInfo parameter, IReadOnlyList<PropertyInfo> stored, Func<string, Exception> refused) =>
        stored.FirstOrDefault(property => property.Name.Equals(parameter.Name, StringComparison.OrdinalIgnoreCase)) switch
        {
            { } property when property.PropertyType == parameter.ParameterType => property.Name,
            { } property => throw refused($"has the property {property.Name} of type {property.PropertyType.Name}, and a constructor that takes {parameter.Name} as {parameter.ParameterType.Name}: make these the same"),
            null when parameter.HasDefaultValue => "",
            null => throw refused(
                $"has a constructor that takes {parameter.Name}, which is not stored: mark the property, in a positional record by [property: VectorStoreData], or give the parameter a default value"),
        };
}
