namespace CondEmbed.Interop

open System.Collections.Generic
open CondEmbed

/// What loading weights found, by the names of the tensors.
[<Sealed>]
type LoadReport internal (report: Weights.Report) =
    member _.Loaded: IReadOnlyList<string> = List.toArray report.Loaded
    /// Parameters of the encoder that the weights do not have.
    member _.Missing: IReadOnlyList<string> = List.toArray report.Missing
    /// Tensors of the weights that the model does not have.
    member _.Unexpected: IReadOnlyList<string> = List.toArray report.Unexpected
    /// Each with the shape that was found and the one that is wanted.
    member _.WrongShape: IReadOnlyList<string> = List.toArray report.WrongShape
    /// The classifier of the weights, which is left out.
    member _.Classifier: IReadOnlyList<string> = List.toArray report.Classifier
    /// The model's own head, hierarchy and loss, where the weights do not have them.
    member _.Fresh: IReadOnlyList<string> = List.toArray report.Fresh
    /// What was changed to fit, and how: the positions of a vision transformer, resized.
    member _.Changed: IReadOnlyList<string> = List.toArray report.Changed
    /// What other network the weights are for, where that is known; else null.
    member _.Foreign = Option.toObj report.Foreign
    /// What the names in the file begin with, dot included, which is taken off; empty for nothing.
    member _.Prefix = report.Prefix
    /// Other beginnings of names below which there is as much of the network; the setting weights_part takes one of them.
    member _.OtherPrefixes: IReadOnlyList<string> = List.toArray report.OtherPrefixes
    /// Tensors of the file that are not below the prefix, the classifier left out; nothing of the network.
    member _.Beside: IReadOnlyList<string> = List.toArray report.Beside
    /// Of the numbers of the encoder, the share that the weights have, from 0 to 1.
    member _.Share = report.Share
    /// Nothing is missing, unexpected or wrongly shaped.
    member _.Fits = report.Fits
    /// All of it as lines for people.
    override _.ToString() = string report

/// How weights fit an encoder.
[<Sealed>]
type EncoderFit internal (encoder: string, about: string, report: Weights.Report) =
    /// The encoder's name.
    member _.Encoder = encoder
    /// One line about it.
    member _.About = about
    /// What loading them would find.
    member _.Report = LoadReport report

    /// Every encoder, the best fit first, for tensors of those names and shapes as they stand in a file.
    static member Of(shapes: KeyValuePair<string, int64 array> seq) : IReadOnlyList<EncoderFit> =
        let files = Dictionary(dict [ for KeyValue(name, shape) in shapes -> name, List.ofArray shape ])
        [| for encoder, about, report in Weights.compareAll files -> EncoderFit(encoder, about, report) |]
