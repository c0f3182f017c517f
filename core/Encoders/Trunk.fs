namespace CondEmbed.Encoders

open CondEmbed
open TorchSharp

/// The frozen beginning of an encoder. What it makes of an image stays the same while the rest is trained, so it can be computed once and kept.
module Trunk =
    /// How many of the encoder's stages, from the first one on, have no parameter that is trained.
    let depth (isFrozen: string -> bool) (encoder: Encoder) =
        encoder.Stages
        |> List.takeWhile (fun stage -> Params.trainable stage.Specs |> List.forall isFrozen)
        |> List.length

    /// B 3 H W, normalised -> B C' h' w' after so many stages. Its norms keep their statistics, in training too.
    let layer depth (encoder: Encoder) : Layer<Tensor, Tensor> = encoder.Stages |> List.truncate depth |> Layer.sequence |> Layer.frozen

    /// B C' h' w' of the trunk, in any type -> the encoder's features, with the maps from the trunk's on.
    let rest depth (encoder: Encoder) : Layer<Tensor, Features> =
        let stages = List.skip depth encoder.Stages

        let specs = stages |> List.collect _.Specs

        /// float32, or bfloat16 where the encoder computes in it.
        let typeOf (env: Env) =
            match specs with
            | first :: _ -> env.Params[first.Name].dtype
            | [] -> float32

        let forward env (map: Tensor) =
            let maps = (map.``to`` (typeOf env), stages) ||> List.scan (fun map stage -> stage.Forward env map) |> List.rev
            { Features.ofMap maps.Head with Earlier = maps.Tail }

        Layer.create specs forward
