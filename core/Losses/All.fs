/// Every loss by name. A new one is a file beside this and a line here.
module CondEmbed.Losses.All

let all =
    [ MultiSimilarity.entry
      Contrastive.entry
      Contrastive.cosineEntry
      Triplet.entry
      Triplet.semiHardEntry
      Triplet.batchHardEntry
      SupCon.entry
      ProxyAnchor.entry ]

let names = all |> List.map _.Name

let tryFind name = all |> List.tryFind (fun entry -> entry.Name = name)

/// The loss with its defaults, but for the settings given. ArgumentException for a setting that it does not have.
let make (entry: Entry) (settings: (string * float) seq) =
    let given = Map.ofSeq settings
    let known = entry.Settings |> List.map _.Key

    for key in given.Keys do
        if not (List.contains key known) then
            let known = String.concat ", " known
            invalidArg (nameof settings) $"The loss '{entry.Name}' has no setting '{key}'; it has: {known}."

    let defaults = Map.ofList [ for s in entry.Settings -> s.Key, s.Default ]
    entry.Make(fun key -> Map.tryFind key given |> Option.defaultValue defaults[key])
