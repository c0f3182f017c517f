/// Running averages of parameters, beside the parameters themselves: `average.<name>`. Training gives an objective those that it keeps.
module CondEmbed.Averaged

open System

[<Literal>]
let private Beginning = "average."

/// The name of the average of a parameter or statistic.
let name parameter = Beginning + parameter

/// Parameters with averages beside them -> each average in the place of its parameter, and the parameters without one as they are, all without a history. LayerException if there is no average.
let inPlace (parameters: Params) : Params =
    let averages, own =
        parameters.Names
        |> List.partition (fun name -> name.StartsWith(Beginning, StringComparison.Ordinal))

    let averaged = set averages

    if averages.IsEmpty then
        Layer.refuse "levels that are asked by averages of the weights need these: train with an Average."

    Params.ofSeq
        [ for parameter in own do
              let source = if averaged.Contains(name parameter) then name parameter else parameter
              parameter, parameters[source].detach() ]
