namespace CondEmbed.Interop

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

/// How weights fit the network of settings, found out before anything of it is built: settings from elsewhere may ask for any size.
[<AbstractClass; Sealed>]
type NetworkFit =
    /// The result that loading them into a session for embedding would have, or into one that compares pairs, for tensors of those names and shapes as they stand in files.
    static member Of(config: Config, comparing: bool, shapes: KeyValuePair<string, int64 array> seq) =
        let files = Dictionary(dict [ for KeyValue(name, shape) in shapes -> name, List.ofArray shape ])
        let specs = if comparing then (Recipe.comparison config).Specs else (Network.embed (Recipe.network config)).Specs
        LoadReport(Weights.compare specs files)

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
        let files = Dictionary(dict [ for KeyValue(name, shape) in shapes -> name, List.ofArray shape ])
        [| for encoder, about, report in Weights.compareAll files -> EncoderFit(encoder, about, report) |]
