using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace CondEmbed.Search;

/// <summary>Options that are read from a section of a host's configuration, and checked when the host starts.</summary>
internal static class CheckedOptions
{
    /// <summary>Why options from the configuration are not for a trimmed or natively compiled program, and what is.</summary>
    internal const string Reflects = "Options are bound to a section of the configuration by reflection. In a trimmed or natively compiled program, call the overload that takes them as arguments.";

    /// <summary>Binds a section to options. What the options do not know, and what is wrong with them, ends the start of the host, all at once.</summary>
    /// <param name="services">The services.</param>
    /// <param name="section">Where the options are.</param>
    /// <param name="problems">What is wrong with them: the name of an option and a clause without a full stop.</param>
    [RequiresUnreferencedCode(Reflects)]
    [RequiresDynamicCode(Reflects)]
    internal static void AddChecked<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.All)] T>(this IServiceCollection services, IConfiguration section, Func<T, IEnumerable<(string Option, string Problem)>> problems)
        where T : class
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(section);
        services.AddOptions<T>().Bind(section, binder => binder.ErrorOnUnknownConfiguration = true).ValidateOnStart();
        services.AddSingleton<IValidateOptions<T>>(new Check<T>((section as IConfigurationSection)?.Path, problems));
    }

    /// <summary>What is wrong with an embedder's options.</summary>
    internal static IEnumerable<(string Option, string Problem)> ProblemsOf(EmbedderOptions options, string prefix = "") =>
        [.. ProblemsOfNumber(prefix + nameof(options.BatchSize), options.BatchSize), .. ProblemsOfNumber(prefix + nameof(options.Workers), options.Workers)];

    /// <summary>What is wrong with an option that is a number of something.</summary>
    internal static IEnumerable<(string Option, string Problem)> ProblemsOfNumber(string option, int number) =>
        number < 0 ? [(option, $"must be 0 or more, not {number}")] : [];

    /// <summary>What is wrong with an option that names a file.</summary>
    internal static IEnumerable<(string Option, string Problem)> ProblemsOfFile(string option, string file, bool isFolderToo = false)
    {
        if (file.Length == 0)
        {
            yield return (option, "is missing");
        }
        else if (!File.Exists(file) && !(isFolderToo && Directory.Exists(file)))
        {
            yield return (option, $"{file}: no such file{(isFolderToo ? " or folder" : "")}");
        }
    }

    private sealed class Check<T>(string? section, Func<T, IEnumerable<(string Option, string Problem)>> problems) : IValidateOptions<T>
        where T : class
    {
        public ValidateOptionsResult Validate(string? name, T options)
        {
            var found = problems(options).Select(problem => $"{(section is null ? "" : section + ":")}{problem.Option}: {problem.Problem}").ToList();
            return found.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(found);
        }
    }
}
