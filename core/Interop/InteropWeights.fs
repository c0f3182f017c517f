namespace CondEmbed.Interop

open System
open System.Collections.Generic
open CondEmbed

/// The result of loading weights, by the names of the tensors.
[<Sealed>]
type LoadReport internal (report: Weights.Report) =
    member _.Loaded: IReadOnlyList<string> = List.toArray report.Loaded
    /// Parameters of the encoder that the weights do not have.
    member _.Missing: IReadOnlyList<string> = List.toArray report.Missing
    /// Tensors of the weights that the model does not have.
    member _.Unexpected: IReadOnlyList<string> = List.toArray report.Unexpected
    /// Each with the shape found and the shape needed.
    member _.WrongShape: IReadOnlyList<string> = List.toArray report.WrongShape
    /// The classifier of the weights, which is left out.
    member _.Classifier: IReadOnlyList<string> = List.toArray report.Classifier
    /// The model's own head, hierarchy and loss, if the weights do not have them.
    member _.Fresh: IReadOnlyList<string> = List.toArray report.Fresh
    /// What was changed to fit, and how: the positions of a vision transformer, resized.
    member _.Changed: IReadOnlyList<string> = List.toArray report.Changed
    /// Which other network the weights are for, if that is known; otherwise null.
    member _.Foreign = Option.toObj report.Foreign
    /// The prefix of the names in the file, dot included, which is removed; empty for none.
    member _.Prefix = report.Prefix
    /// Other prefixes under which there is as much of the network; the setting weights_part selects one of them.
    member _.OtherPrefixes: IReadOnlyList<string> = List.toArray report.OtherPrefixes
    /// Tensors of the file outside the prefix, other than the classifier; not part of the network.
    member _.Beside: IReadOnlyList<string> = List.toArray report.Beside
    /// The share of the encoder's numbers that the weights have, from 0 to 1.
    member _.Share = report.Share
    /// Whether nothing is missing, unexpected or of the wrong shape.
    member _.Fits = report.Fits
    /// All of it as text.
    override _.ToString() = string report

module internal Shapes =
    /// Shapes by name, as the core compares them; of a name that is there twice the last.
    let ofPairs (shapes: KeyValuePair<string, int64 array> seq) : IReadOnlyDictionary<string, int64 list> =
        readOnlyDict [ for KeyValue(name, shape) in shapes -> name, List.ofArray shape ]

/// How weights fit the network of settings, found out before anything of it is built: settings from elsewhere may ask for any size.
[<AbstractClass; Sealed>]
type NetworkFit =
    /// The result that loading them into a session for embedding would have, or into one that compares pairs, for tensors of those names and shapes as they stand in files.
    static member Of(config: Config, comparing: bool, shapes: KeyValuePair<string, int64 array> seq) =
        let specs = if comparing then (Recipe.comparison config).Specs else (Network.embed (Recipe.network config)).Specs
        LoadReport(Weights.compare specs (Shapes.ofPairs shapes))

/// How weights fit an encoder.
[<Sealed>]
type EncoderFit internal (encoder: string, about: string, report: Weights.Report) =
    /// The encoder's name.
    member _.Encoder = encoder
    /// One line about it.
    member _.About = about
    /// The result that loading them would have.
    member _.Report = LoadReport report

    /// Every encoder, the best fit first, for tensors of those names and shapes as they stand in a file.
    static member Of(shapes: KeyValuePair<string, int64 array> seq) : IReadOnlyList<EncoderFit> =
        [| for encoder, about, report in Weights.compareAll (Shapes.ofPairs shapes) -> EncoderFit(encoder, about, report) |]

/// What is known of another program's checkpoint besides its tensors. Null for what is to be found out.
[<Sealed; AllowNullLiteral>]
type CheckpointQuestion(encoder: string, pooling: string, power: Nullable<float>, embedding: Nullable<int>, leaveOut: string) =
    member internal _.Asked: Imported.Asked =
        { Encoder = Option.ofObj encoder
          Pooling = Option.ofObj pooling
          Power = Option.ofNullable power
          Embedding = Option.ofNullable embedding
          LeaveOut = leaveOut }

/// The network in another program's checkpoint: encoder, pooling, and the linear layer that makes its embeddings.
[<Sealed>]
type CheckpointFit internal (found: Imported.Found) =
    let constant (value: float) count = Array.init count (fun _ -> BitConverter.GetBytes(Convert.ToSingle value)) |> Array.concat

    member _.Encoder = found.Encoder
    /// Other encoders that fit as well: they differ in what no tensor says.
    member _.OtherEncoders: IReadOnlyList<string> = List.toArray found.Others
    member _.Pooling = found.Pooling
    /// Whether a BatchNorm comes before the linear layer.
    member _.HeadNorm = found.HeadNorm
    /// Features of an embedding; 0 for the pooled features themselves.
    member _.Embedding = found.Embedding
    /// The weight of ImageNet's classifier, or null if there is none. It is left out, unless as many features were asked for as it has outputs.
    member _.Classifier = Option.toObj found.Classifier
    /// Whether the classifier makes the embeddings, which are then the scores of its classes.
    member _.EmbedsScores = found.Classifier |> Option.exists (fun name -> not (List.contains name found.LeftOut))
    /// Tensors of the checkpoint that are no part of the network.
    member _.LeftOut: IReadOnlyList<string> = List.toArray found.LeftOut

    /// The parameters of the network, under the names that they have here. Those that the checkpoint lacks have the one value that leaves them without effect.
    member _.Parameters(config: Config, tensors: IReadOnlyList<TensorData>) : IReadOnlyList<TensorData> =
        let files = dict [ for tensor in tensors -> tensor.Name, tensor ]
        let shapes = dict [ for spec in (Network.embed (Recipe.network config)).Specs -> spec.Name, List.toArray spec.Shape ]

        [| for ours, source in found.Sources do
               match source with
               | Imported.Tensor name -> TensorData(ours, files[name].ElementType, files[name].Shape, files[name].Bytes)
               | Imported.Number value ->
                   let shape = shapes[ours]
                   TensorData(ours, "F32", shape, constant value (int (numbersOf shape))) |]

    /// The network in tensors of those names and shapes, in their order. InputException: what does not fit, as the end of a sentence about the checkpoint, and what to do.
    static member Of(question: CheckpointQuestion, shapes: KeyValuePair<string, int64 array> seq) =
        match Imported.find question.Asked (Shapes.ofPairs shapes) with
        | Ok found -> CheckpointFit found
        | Error problem -> raise (CondEmbed.Common.InputException problem)
