using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace CondEmbed.Search;

/// <summary>Options that are checked when a host starts, given as arguments or read from a section of its configuration.</summary>
internal static class CheckedOptions
{
    /// <summary>Why options from the configuration are not for a trimmed or natively compiled program, and what is.</summary>
    internal const string Reflects = "Options are bound to a section of the configuration by reflection. In a trimmed or natively compiled program, call the overload that takes them as arguments.";

    /// <summary>Binds a section to options. What the options do not know, what cannot be converted, and what is wrong with them, ends the start of the host, all at once.</summary>
    /// <param name="services">The services.</param>
    /// <param name="section">Where the options are.</param>
    /// <param name="problems">What is wrong with them, by a function that completes the path of a file: the name of an option and a clause without a full stop.</param>
    [RequiresUnreferencedCode(Reflects)]
    [RequiresDynamicCode(Reflects)]
    internal static void AddChecked<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.All)] T>(
        this IServiceCollection services, IConfiguration section, Func<T, Func<string, string>, IEnumerable<(string Option, string Problem)>> problems)
        where T : class, new()
    {
        ArgumentNullException.ThrowIfNull(section);
        var prefix = section is IConfigurationSection { Path: var path } ? path + ":" : "";
        // The problems of the section are told with the others.
        services.AddChecked<T>(
            (options, located) =>
            {
                List<(string, string)> found = [.. BoundOptions.Bind(section, new T()), .. problems(options, located)];
                // What is missing, is missing because of this.
                return found.Count > 0 && section is IConfigurationSection named && !named.Exists() ? [("", "the configuration has no such section"), .. found] : found;
            },
            prefix);
        services.Configure<T>(options => BoundOptions.Bind(section, options));
    }

    /// <summary>Ends the start of the host where something is wrong, all at once.</summary>
    /// <param name="services">The services.</param>
    /// <param name="problems">What is wrong, by a function that completes the path of a file: the name of an argument or option, and a clause without a full stop; an empty name means all of them.</param>
    /// <param name="prefix">What comes before the name.</param>
    internal static void AddChecked<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicParameterlessConstructor)] T>(
        this IServiceCollection services, Func<T, Func<string, string>, IEnumerable<(string Option, string Problem)>> problems, string prefix = "")
        where T : class
    {
        ArgumentNullException.ThrowIfNull(services);
        services.AddOptions<T>().ValidateOnStart();
        services.AddSingleton<IValidateOptions<T>>(provider => new Check<T>(options => problems(options, provider.Located), prefix));
    }

    /// <summary>The full path of a file that a configuration names: a relative one begins in the host's content root, without a host in the current folder.</summary>
    internal static string Located(this IServiceProvider provider, string file) =>
        file.Length == 0 ? file : Path.GetFullPath(Path.Combine(provider.GetService<IHostEnvironment>()?.ContentRootPath ?? "", file));

    /// <summary>What is wrong with an embedder's options.</summary>
    internal static IEnumerable<(string Option, string Problem)> ProblemsOf(EmbedderOptions options, string prefix = "") =>
        [.. ProblemsOfNumber(prefix + nameof(options.BatchSize), options.BatchSize), .. ProblemsOfNumber(prefix + nameof(options.Workers), options.Workers)];

    /// <summary>What is wrong with an option that is a number of something.</summary>
    internal static IEnumerable<(string Option, string Problem)> ProblemsOfNumber(string option, int number) =>
        number < 0 ? [(option, $"must be 0 or more, not {number}")] : [];

    /// <summary>What is wrong with an option that names a file.</summary>
    /// <param name="option">The option.</param>
    /// <param name="file">The full path; empty where none is named.</param>
    /// <param name="isFolderToo">Whether it may be a folder.</param>
    /// <param name="remedy">What to do where there is none, as the end of a clause.</param>
    internal static IEnumerable<(string Option, string Problem)> ProblemsOfFile(string option, string file, bool isFolderToo = false, string remedy = "")
    {
        if (file.Length == 0)
        {
            yield return (option, "is missing");
        }
        else if (!isFolderToo && Directory.Exists(file))
        {
            yield return (option, $"{file} is a folder; name a file");
        }
        else if (!Path.Exists(file))
        {
            yield return (option, $"{file}: no such file{(isFolderToo ? " or folder" : "")}{remedy}");
        }
    }

    private sealed class Check<T>(Func<T, IEnumerable<(string Option, string Problem)>> problems, string prefix) : IValidateOptions<T>
        where T : class
    {
        public ValidateOptionsResult Validate(string? name, T options)
        {
            var found = problems(options).Select(problem => $"{(prefix + problem.Option).TrimEnd(':')}: {problem.Problem}").ToList();
            return found.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(found);
        }
    }
}
