/// A run's network, or one exported to ONNX, for commands that only embed.
module CondEmbed.Cli.Networks

open System
open System.IO
open CondEmbed
open CondEmbed.Interop
open CondEmbed.Onnx
open CondEmbed.Common
open CondEmbed.Search
open CondEmbed.Options
open CondEmbed.Models
open CondEmbed.Pairs

/// A network, and the settings of its training.
[<Sealed>]
type TrainedNetwork(network: IEmbeddingNetwork, settings: RunSettings) =
    do Limits.follow settings
    member _.Network = network
    member _.Settings = settings

    interface IDisposable with
        member _.Dispose() = network.Dispose()

/// Takes what --threads says for this process, whatever the settings of a run say.
let withThreads (threads: int option) =
    match threads with
    | Some threads when threads < 0 -> refuse $"--threads {threads}: give a number of threads, or 0 for one per core."
    | Some threads -> ComputeThreads.Demand(if threads > 0 then threads else Environment.ProcessorCount)
    | None -> ()

let isOnnx (named: string) = File.Exists named && Path.GetExtension(named).Equals(".onnx", StringComparison.OrdinalIgnoreCase)

let private loadOnnx (file: string) device best =
    if best then refuse $"--best: {file} has only one network, which was chosen when it was exported."

    if device <> "auto" && device <> "cpu" then
        refuse $"--device {device}: {file} runs on the CPU; give the run's folder to use a GPU."

    let model = OnnxModel.Load file

    try
        let settings = Seq.append (TomlSettings.Parse(file, model.Settings)) [ Given("device", "device", "cpu") ]
        new TrainedNetwork(model, RunSettings.Resolve settings)
    with _ ->
        (model :> IDisposable).Dispose()
        reraise ()

/// Loads a run's folder, a model file, or an exported `.onnx` file. InputException if that is not possible.
let load (named: string) device best =
    if isOnnx named then
        loadOnnx named device best
    else
        let model = EmbeddingModel.Load(named, device, best)
        new TrainedNetwork(model, model.Settings)

/// Loads a run's network with its levels, which exports leave out, or with cosine attention at a temperature in their place.
let loadWithLevels (cosine: float option) (named: string) device best =
    if isOnnx named then refuse $"--rerank: {named} has no levels, which an export leaves out; give the run's folder."

    let model =
        match cosine with
        | Some temperature -> ConditionalModel.WithCosine(named, temperature, device, best)
        | None -> ConditionalModel.Load(named, device, best)

    Limits.follow model.Embedding.Settings
    model
