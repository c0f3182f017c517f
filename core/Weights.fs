/// Taking up the weights of another training: names, what may be missing, and a report of everything that does not fit.
module CondEmbed.Weights

open System
open System.Collections.Generic

/// What a loading found.
type Report =
    {
        Loaded: string list
        /// Parameters of the model that the weights do not have.
        Missing: string list
        /// Tensors of the weights that the model does not have.
        Unexpected: string list
        /// Name, shape found and shape wanted.
        WrongShape: string list
        /// Of the unexpected: the classifier of the weights, which an embedding has no use for.
        Classifier: string list
        /// Of the missing: the model's own head, hierarchy and loss, which start fresh.
        Fresh: string list
    }

    member this.Fits = this.Missing.IsEmpty && this.Unexpected.IsEmpty && this.WrongShape.IsEmpty

    override this.ToString() =
        let part title (names: string list) =
            if names.IsEmpty then
                []
            else
                let shown = names |> List.truncate 12 |> List.map (fun name -> "    " + name)

                let more = if names.Length > 12 then [ $"    ... and {names.Length - 12} more" ] else []

                $"  {title}: {names.Length}" :: shown @ more

        [ [ $"  loaded: {this.Loaded.Length}" ]
          part "missing" this.Missing
          part "unexpected" this.Unexpected
          part "wrongly shaped" this.WrongShape
          part "left out (the classifier of the weights)" this.Classifier
          part "start fresh (not of the encoder)" this.Fresh ]
        |> List.concat
        |> String.concat "\n"

let private startsWithAny (prefixes: string list) (name: string) =
    prefixes |> List.exists (fun prefix -> name.StartsWith(prefix, StringComparison.Ordinal))

/// Every rename in one place: a tensor's name in other programs' files -> its name here; None for what has no meaning here.
let rename (name: string) =
    let stripped =
        (name, [ "module."; "model."; "backbone."; "encoder." ])
        ||> List.fold (fun name prefix -> if name.StartsWith(prefix, StringComparison.Ordinal) then name.Substring prefix.Length else name)

    if stripped.EndsWith("num_batches_tracked", StringComparison.Ordinal) then None else Some stripped

let private isClassifier = startsWithAny [ "fc."; "classifier."; "head." ]
let private isFresh = startsWithAny [ "embedding."; "hierarchy."; "loss." ]

/// Compares the shapes of weights, under their renamed names, with the specs of a model.
let compare (specs: ParamSpec list) (shapes: IReadOnlyDictionary<string, int64 list>) : Report =
    let found = Params.mismatches specs shapes
    let names choose = found |> List.choose choose

    let missing =
        names (function
            | Missing spec -> Some spec.Name
            | _ -> None)

    let unexpected =
        names (function
            | Unexpected name -> Some name
            | _ -> None)

    let wrong =
        names (function
            | WrongShape(spec, shape) -> Some(spec.Name, shape, spec.Shape)
            | _ -> None)

    let misfits = set (missing @ [ for name, _, _ in wrong -> name ])
    let fresh, missing = missing |> List.partition isFresh
    let classifier, unexpected = unexpected |> List.partition isClassifier

    { Loaded =
        [ for spec in specs do
              if not (misfits.Contains spec.Name) then spec.Name ]
      Missing = missing
      Unexpected = unexpected
      WrongShape = [ for name, shape, wanted in wrong -> $"{name} is {shapeText shape}, the model has {shapeText wanted}" ]
      Classifier = classifier
      Fresh = fresh }
