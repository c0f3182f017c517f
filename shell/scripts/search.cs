#:project ../CondEmbed/CondEmbed.csproj
#:property UseCurrentRuntimeIdentifier=true
#:property PublishAot=false
// Learns from photographs in a folder for each class, if that is not done yet, and shows those most like one of them or a new one:
//   dotnet run -c Release shell/scripts/search.cs photos new.jpg [STEPS]
using CondEmbed.Models;
using CondEmbed.Options;
using CondEmbed.Runs;
using CondEmbed.Search;

var (photos, query, run) = (args[0], args[1], "runs/search");

if (!Directory.Exists(run))
    await Trainer.TrainAsync(new TrainingOptions { Data = photos, Out = run, Steps = args.Length > 2 ? int.Parse(args[2]) : 300 }, notice: Console.WriteLine);

using var embedder = EmbeddingModel.Load(run).ToEmbedder();
using var index = await ImageIndex.BuildAsync(embedder, photos);

foreach (var hit in index.Search(await embedder.EmbedAsync(query), top: 5))
    Console.WriteLine($"{hit.Similarity:0.000}  {hit.Id}");
