#:project ../CondEmbed/CondEmbed.csproj
#:property UseCurrentRuntimeIdentifier=true
#:property PublishAot=false
// Shows those of the photographs in a folder for each class that are most like one of them or a new one. The first time it learns from them, into photos.run; stopped, it goes on there:
//   dotnet run -c Release shell/scripts/search.cs photos new.jpg [STEPS]
using CondEmbed.Common;
using CondEmbed.Models;
using CondEmbed.Options;
using CondEmbed.Runs;
using CondEmbed.Search;

var (photos, query) = (Path.TrimEndingDirectorySeparator(Path.GetFullPath(args[0])), args[1]);
var run = $"{photos}.run";

try
{
    if (!File.Exists(Path.Combine(run, "last.safetensors")))
    {
        var options = new TrainingOptions { Data = photos, Out = run, Steps = args.Length > 2 ? int.Parse(args[2]) : 300 };
        var trainer = File.Exists(Path.Combine(run, "config.toml")) ? Trainer.Resume(run) : new Trainer(options);
        trainer.Notice = Console.WriteLine;
        await trainer.TrainAsync();
    }

    using var embedder = EmbeddingModel.Load(run).ToEmbedder();
    using var index = await ImageIndex.BuildAsync(embedder, photos);

    foreach (var hit in index.Search(await embedder.EmbedAsync(query), top: 5))
        Console.WriteLine($"{hit.Similarity:0.000}  {hit.Id}");
    return 0;
}
catch (InputException problem)
{
    Console.Error.WriteLine(problem.Message);
    return 2;
}
