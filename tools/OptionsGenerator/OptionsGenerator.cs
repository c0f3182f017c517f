using System.Security;
using System.Text;
using Microsoft.CodeAnalysis;

namespace CondEmbed.Tools;

/// <summary>Writes the properties of <c>TrainingOptions</c> while CondEmbed is compiled: one for each setting of the core's <c>Config</c> and of <c>HostSettings</c>, with its meaning.</summary>
[Generator(LanguageNames.CSharp)]
public sealed class OptionsGenerator : IIncrementalGenerator
{
    /// <inheritdoc/>
    public void Initialize(IncrementalGeneratorInitializationContext context) =>
        context.RegisterSourceOutput(context.CompilationProvider, (output, compilation) =>
        {
            var config = compilation.GetTypeByMetadataName("CondEmbed.Config");
            var host = compilation.GetTypeByMetadataName("CondEmbed.Options.HostSettings");

            if (config is not null && host is not null)
            {
                output.AddSource("TrainingOptions.g.cs", SourceOf([.. config.GetMembers(), .. host.GetMembers()]));
            }
        });

    private static string SourceOf(ISymbol[] members)
    {
        var text = new StringBuilder("#nullable enable\nnamespace CondEmbed.Options;\n\npublic sealed partial record TrainingOptions\n{\n");

        foreach (var field in members.OfType<IPropertySymbol>().Where(field => AttributeOf(field, "SettingAttribute") is not null))
        {
            text.Append($"    /// <summary>{SummaryOf(field)}</summary>\n    public {TypeOf(field)}? {field.Name} {{ get; init; }}\n\n");
        }

        return text.Append("}\n").ToString();
    }

    private static AttributeData? AttributeOf(IPropertySymbol field, string name) =>
        field.GetAttributes().FirstOrDefault(attribute => attribute.AttributeClass?.Name == name);

    private static string SummaryOf(IPropertySymbol field)
    {
        var meaning = SecurityElement.Escape((string)AttributeOf(field, "SettingAttribute")!.ConstructorArguments.Last().Value!)
            .Replace("{encoders}", "one of <see cref=\"CondEmbed.Interop.CoreSettings.Encoders\"/>")
            .Replace("{losses}", "any of <see cref=\"CondEmbed.Interop.CoreSettings.Losses\"/>");
        return $"{char.ToUpperInvariant(meaning[0])}{meaning[1..]}.";
    }

    /// <summary>Choices are given by their words, as in files.</summary>
    private static string TypeOf(IPropertySymbol field) => field.Type switch
    {
        { SpecialType: SpecialType.System_Int32 } => "int",
        { SpecialType: SpecialType.System_Double } => "double",
        { SpecialType: SpecialType.System_Boolean } => "bool",
        { Name: "NamedNumbers" } => "System.Collections.Generic.IReadOnlyDictionary<string, double>",
        _ when AttributeOf(field, "WholeNumbersAttribute") is not null => "System.Collections.Generic.IReadOnlyList<int>",
        _ => "string",
    };
}
