#:project ../CondEmbed/CondEmbed.csproj
#:property UseCurrentRuntimeIdentifier=true
#:property PublishAot=false
// Shows those of the photographs in a folder for each class that are most like one of them or a new one. The first time it learns from them, into photos.run; stopped, it goes on there.
using CondEmbed.Common;
using CondEmbed.Models;
using CondEmbed.Options;
using CondEmbed.Runs;
using CondEmbed.Search;

try
{
    if (args is not [{ Length: > 0 } folder, { Length: > 0 } query, ..] || args.Length > 3 || !int.TryParse(args.ElementAtOrDefault(2) ?? "300", out var steps))
        throw new InputException("usage: dotnet run -c Release shell/scripts/search.cs PHOTOS IMAGE [STEPS]");
    var photos = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
    var run = $"{photos}.run";
    if (!File.Exists(Path.Combine(run, "last.safetensors")))
    {
        var options = new TrainingOptions { Data = photos, Out = run, Steps = steps };
        var trainer = File.Exists(Path.Combine(run, "config.toml")) ? Trainer.Resume(run) : new Trainer(options);
        trainer.Notice = Console.WriteLine;
        await trainer.TrainAsync();
    }

    using var embedder = EmbeddingModel.Load(run).ToEmbedder();
    using var index = await ImageIndex.BuildAsync(embedder, photos);

    foreach (var hit in index.Search(await embedder.EmbedAsync(query), top: 5))
        Console.WriteLine($"{hit.Similarity:0.000}  {hit.Id}");
}
catch (InputException problem)
{
    Console.Error.WriteLine(problem.Message);
    Environment.ExitCode = 2;
}
