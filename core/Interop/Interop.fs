/// The core as C# sees it: classes, arrays and numbers.
namespace CondEmbed.Interop

open System
open System.Collections.Generic
open CondEmbed
open TorchSharp

/// A network with the state of its training: what a host program holds. Not thread-safe: one thread at a time. Pixels are bytes,
/// B H W 3.
[<Sealed>]
type Session private (config: Config, recipe: Recipe.Recipe, state: Train.State, device: torch.Device) =

    // Embedding and comparing at test time use parameters with folded norms, which a step or a load makes stale.
    let embed = Network.embed (Recipe.folded config)
    let trunk = Recipe.trunk config
    let pooled = Network.pooled recipe.Network
    let tested = new Folding.Kept(recipe.Embed.Specs, embed.Specs, (fun () -> state.Evaluated))

    let onDevice (pixels: byte array) count side =
        if pixels.Length <> count * side * side * 3 then
            invalidArg (nameof pixels) $"{count} images of side {side} take {count * side * side * 3} bytes, not {pixels.Length}."

        let host = torch.frombuffer (pixels, torch.ScalarType.Byte)

        host.reshape(int64 count, int64 side, int64 side, 3L).``to``(device, copy = true)

    let mapsOnDevice (maps: TensorData) = (Bytes.toTensor maps).``to`` device

    let stepOn images (labels: unit -> Tensor) =
        tested.Forget()
        scoped (fun () -> StepResult(Train.step recipe.Method state { Images = images (); Labels = labels () }))

    let step images (labels: int64 array) = stepOn images (fun () -> torch.tensor (labels, dtype = int64', device = device))

    let stepOnPairs images count (pairs: System.Array) (marks: unit -> Tensor) =
        let all = count * recipe.Method.Team.Size

        if pairs.Length <> count * all then
            invalidArg (nameof pairs) $"{count} of {all} images have {count * all} pairs, {count} rows of {all}, not {pairs.Length}."

        stepOn images (fun () -> (marks ()).reshape(int64 count, int64 all))

    let levelMeasures = lazy LevelMeasures.ofComparison (Recipe.comparison config)

    let measured (images: unit -> Tensor) (labels: int64 array) : IReadOnlyDictionary<string, float> =
        let measure () =
            let places = LevelMeasures.sample labels
            let onDevice (numbers: int64 array) = torch.tensor (numbers, dtype = int64', device = device)
            let chosen: Tensor = (images ()).index_select(0L, onDevice places)
            let labels = onDevice [| for place in places -> labels[int place] |]
            Layer.run state.Params levelMeasures.Value (chosen, labels)

        readOnlyDict (if config.Levels > 0 then scoped measure else [])

    let numbers (embeddings: Tensor) = embeddings.cpu().contiguous().data<float32>().ToArray()

    /// A session for training on a number of classes for a number of steps, on a device. ArgumentException for settings that ConfigValidation.problems refuses.
    static member ForTraining(config: Config, device: torch.Device, classes: int, steps: int) =
        Session.ForTraining(config, device, classes, steps, 0, steps)

    /// A session that trains a finished run further, from one step to a later one: the learning rate follows its own schedule there.
    static member ForTraining(config: Config, device: torch.Device, classes: int, steps: int, from: int, until: int) =
        Session.ForTraining(config, device, classes, steps, from, until, Team.alone)

    /// The same for a process of a team, which steps on its share of every batch; all must have the same settings, and step together.
    static member ForTraining(config: Config, device: torch.Device, classes: int, steps: int, from: int, until: int, team: Team) =
        let recipe = Recipe.continued config classes steps from until
        let recipe = { recipe with Method = { recipe.Method with Team = team } }
        torch.manual_seed (int64 config.Seed) |> ignore
        new Session(config, recipe, Train.start (int64 config.Seed) device float32 recipe.Method, device)

    static member private ForTests(config: Config, device: torch.Device, specsOf: Network -> ParamSpec list) =
        let network = Recipe.network config

        let objective: Objective =
            Layer.create (specsOf network) (fun _ _ -> invalidOp "This session does not train: make one with ForTraining.")

        let recipe: Recipe.Recipe =
            { Network = network
              Embed = Network.embed network
              Method =
                { Objective = objective
                  Optimiser = Optimiser.Sgd(0.0, false)
                  Rules = [ { Pattern = "*"; Treatment = Groups.Frozen } ]
                  Beginnings = []
                  Rate = fun _ -> 0.0
                  Clip = 0.0
                  Average = None
                  Team = Team.alone } }

        new Session(config, recipe, Train.start (int64 config.Seed) device float32 recipe.Method, device)

    /// A session that only embeds: it has the encoder and the head, and nothing of the training.
    static member ForEmbedding(config: Config, device: torch.Device) =
        Session.ForTests(config, device, (fun network -> (Network.embed network).Specs))

    /// A session that embeds and compares pairs: it has the encoder, the head and the levels. ArgumentException for settings without levels.
    static member ForComparing(config: Config, device: torch.Device) =
        if config.Levels = 0 then invalidArg (nameof config) "There are no levels to compare pairs by: levels is 0."
        Session.ForTests(config, device, (fun _ -> (Recipe.comparison config).Specs))

    member _.Config = config
    /// D, the features of an embedding.
    member val Dimension = Recipe.dimension config
    /// The device in use: `cpu`, `cuda:0`.
    member _.Device = string device
    member _.StepsDone = state.Step
    /// Numbers in the parameters used at test time.
    member _.EmbeddingParameters = Params.count recipe.Embed.Specs

    /// Numbers in all parameters while training, without a memory of embeddings.
    member _.TrainingParameters =
        recipe.Method.Objective.Specs
        |> List.filter (fun spec -> spec.Role = Trainable || not (spec.Name.StartsWith("loss.", StringComparison.Ordinal)))
        |> Params.count

    /// Numbers in the parameters that are trained, if only from some step on: all but what `freeze` names.
    member _.TrainedParameters = Recipe.trainedOf config recipe.Method.Objective.Specs |> Params.count

    /// One training step on B images of one side length: pixels B side side 3, labels in 0..classes-1.
    member _.Step(pixels: byte array, side: int, labels: int64 array) = step (fun () -> onDevice pixels labels.Length side) labels

    /// One training step on B images of which pairs are known instead of classes: B B marks, row by row, above 0 for images that are alike, below 0 for those that are not,
    /// 0 for pairs that do not count. The diagonal never counts, and (i, j) says what j is to the query i. A process of a team has the rows of its own images, with all images of the batch as
    /// columns. ArgumentException for a loss or memory that needs classes.
    member _.StepOnPairs(pixels: byte array, count: int, side: int, pairs: sbyte array) =
        stepOnPairs (fun () -> onDevice pixels count side) count pairs (fun () -> torch.tensor (pairs, dtype = torch.int8, device = device))

    /// The same with weights: how far from 0 a mark is weighs its pair, for a loss that takes weights (`LossDescription.TakesWeights`).
    member _.StepOnPairs(pixels: byte array, count: int, side: int, pairs: float32 array) =
        stepOnPairs (fun () -> onDevice pixels count side) count pairs (fun () -> torch.tensor (pairs, dtype = float32, device = device))

    /// The names of the trunk's parameters and statistics with their values; none without a trunk.
    member _.TrunkWeights() : IReadOnlyList<TensorData> =
        [| for spec in trunk |> Option.map _.Specs |> Option.defaultValue [] -> Bytes.ofTensor spec.Name state.Params[spec.Name] |]

    /// B images, pixels B side side 3 -> B C h w of the trunk, as numbers of a type: F32, F16 or BF16. InvalidOperationException without a trunk.
    member _.Trunk(pixels: byte array, count: int, side: int, elementType: string) : TensorData =
        match trunk with
        | None -> invalidOp "This session has no trunk: freeze the first stages of its encoder."
        | Some trunk ->
            scoped (fun () ->
                let maps = Layer.run state.Params trunk (onDevice pixels count side)
                Bytes.ofTensor "trunk" (maps.``to`` (Bytes.typeOf "The trunk's output" elementType)))

    /// `Step` on what the trunk made of B images.
    member _.StepOnTrunk(maps: TensorData, labels: int64 array) = step (fun () -> mapsOnDevice maps) labels

    /// `StepOnPairs` on what the trunk made of B images.
    member _.StepOnTrunkPairs(maps: TensorData, count: int, pairs: float32 array) =
        stepOnPairs (fun () -> mapsOnDevice maps) count pairs (fun () -> torch.tensor (pairs, dtype = float32, device = device))

    /// What tells a living level from a dead one, on a few images of a batch of B, by name (`level1_entropy` ...; see the core's `LevelMeasures`); nothing without
    /// levels. It changes nothing.
    member _.LevelMeasures(pixels: byte array, side: int, labels: int64 array) =
        measured (fun () -> onDevice pixels labels.Length side) labels

    /// `LevelMeasures` on what the trunk made of B images.
    member _.LevelMeasuresOnTrunk(maps: TensorData, labels: int64 array) = measured (fun () -> mapsOnDevice maps) labels

    /// B images -> B D numbers, row by row; each row has length 1.
    member _.Embed(pixels: byte array, count: int, side: int) : float32 array =
        scoped (fun () -> Layer.run tested.Parameters embed (onDevice pixels count side) |> numbers)

    /// `Embed` of what the trunk made of B images.
    member _.EmbedOnTrunk(maps: TensorData) : float32 array =
        scoped (fun () -> Layer.run state.Evaluated recipe.Embed (mapsOnDevice maps) |> numbers)

    /// W, the pooled features.
    member val PooledFeatures = Recipe.pooledFeatures config

    /// B images -> B W pooled features, row by row.
    member _.Pool(pixels: byte array, count: int, side: int) : float32 array =
        scoped (fun () -> Layer.run state.Params pooled (onDevice pixels count side) |> numbers)

    /// `Pool` of what the trunk made of B images.
    member _.PoolOnTrunk(maps: TensorData) : float32 array = scoped (fun () -> Layer.run state.Params pooled (mapsOnDevice maps) |> numbers)

    /// Starts the linear layer of the head with the principal directions of pooled features, N W, row by row. Settings with head_start pca have a head that can.
    member _.StartHead(pooled: float32 array) =
        tested.Forget()

        scoped (fun () ->
            let random = state.Params["embedding.weight"].detach().cpu()
            let features = torch.tensor(pooled, device = torch.CPU).reshape(-1L, random.shape[1])

            Params.commit
                state.Params
                [ "embedding.weight", PrincipalHead.weight features random
                  "embedding.bias", torch.zeros_like (state.Params["embedding.bias"], requires_grad = false) ])

    /// Compares pairs of images by the levels. InvalidOperationException if the session has none.
    member _.Comparer() =
        let comparison = Recipe.comparison config
        let names = set state.Params.Names

        if config.Levels = 0 || comparison.Specs |> List.exists (fun spec -> not (names.Contains spec.Name)) then
            invalidOp "This session has no levels to compare pairs by: make one with ForComparing, or train with levels."

        let folded = Comparison.ofNetwork (Recipe.folded config) (Recipe.hierarchy config)
        Comparer(folded, config.Levels, (fun () -> tested.Parameters), device, onDevice)

    /// The parameters of the levels, which are only used to compare pairs; none without levels.
    member _.LevelWeights() : IReadOnlyList<TensorData> =
        let evaluated = state.Evaluated

        [| for spec in recipe.Method.Objective.Specs do
               if spec.Role = Trainable && spec.Name.StartsWith("hierarchy.", StringComparison.Ordinal) then
                   Bytes.ofTensor spec.Name evaluated[spec.Name] |]

    /// Parameters and statistics used at test time, averaged if the settings say so: those that an embedding session loads.
    member _.EmbeddingWeights() : IReadOnlyList<TensorData> =
        let evaluated = state.Evaluated
        [| for spec in recipe.Embed.Specs -> Bytes.ofTensor spec.Name evaluated[spec.Name] |]

    /// All parameters and statistics.
    member _.Weights() : IReadOnlyList<TensorData> = [| for name, tensor in Params.toSeq state.Params -> Bytes.ofTensor name tensor |]

    /// The optimiser's moments, and the running averages.
    member _.Moments() : IReadOnlyList<TensorData> = [| for name, tensor in Params.toSeq state.Moments -> Bytes.ofTensor name tensor |]

    /// The state of torch's global generator.
    member _.RandomState() : byte array = Randomness.state ()

    /// What is wrong with bytes that should be a state of torch's global generator, as a clause; null if nothing is.
    static member RandomProblem(random: byte array) : string = Randomness.problem random |> Option.toObj

    /// Makes this process's parameters, moments, random state and number of steps those of the first process of the team.
    member _.Spread() =
        let team = recipe.Method.Team

        if Team.isShared team then
            tested.Forget()

            scoped (fun () ->
                for _, tensor in Seq.append (Params.toSeq state.Params) (Params.toSeq state.Moments) do
                    team.Spread tensor

                let random = torch.tensor (Randomness.state (), dtype = torch.uint8, device = torch.CPU)
                let step = torch.tensor ([| int64 state.Step |], dtype = int64', device = torch.CPU)
                team.Spread random
                team.Spread step
                Randomness.restore (random.bytes.ToArray())
                state.Step <- int (step.item<int64>()))

    /// Goes back to a saved point of a training run with the same settings. ArgumentException for a tensor that is missing or of another shape, or an invalid
    /// state of the generator.
    member _.Restore(weights: IReadOnlyList<TensorData>, moments: IReadOnlyList<TensorData>, random: byte array, step: int) =
        scoped (fun () ->
            let commit (parameters: Params) (tensors: IReadOnlyList<TensorData>) =
                let given = set [ for data in tensors -> data.Name ]

                for name in parameters.Names do
                    if not (given.Contains name) then invalidArg (nameof tensors) $"The saved state lacks '{name}'."

                Params.commit parameters [ for data in tensors -> data.Name, Bytes.toTensor data ]

            // Before anything is changed, because it refuses an invalid state.
            Randomness.restore random
            tested.Forget()
            commit state.Params weights
            commit state.Moments moments
            state.Step <- step)

    /// Loads weights by name, whatever prefix the names have. What does not fit stays as it was and is listed in the report. Other number types become float32.
    member _.Load(tensors: IReadOnlyList<TensorData>) : LoadReport =
        let files = Dictionary<string, TensorData>()
        let shapes = Dictionary<string, int64 list>()

        for data in tensors do
            files[data.Name] <- data
            shapes[data.Name] <- List.ofArray data.Shape

        let specs = recipe.Method.Objective.Specs
        let report = Weights.compare specs shapes

        let take name =
            let source = report.Sources[name]
            let tensor = Bytes.toTensor files[source]
            let spec = specs |> List.find (fun spec -> spec.Name = name)

            match Weights.change spec shapes[source] with
            | Some(_, change) -> name, change (tensor.``to`` float32)
            | None -> name, tensor

        tested.Forget()
        scoped (fun () -> Params.commit state.Params (List.map take report.Loaded))

        LoadReport report

    interface IDisposable with
        member _.Dispose() =
            (tested :> IDisposable).Dispose()
            (state :> IDisposable).Dispose()
