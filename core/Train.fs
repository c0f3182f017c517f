module CondEmbed.Train

open System
open TorchSharp

type Method = { Objective: Objective; Optimiser: Optimiser.Rule; Rules: Groups.Rule list; Rate: int -> float; Clip: float }

[<Sealed>]
type State(parameters: Params, moments: Params, treatments: (string * Groups.Treatment) list) =
    member _.Params = parameters
    member _.Moments = moments
    member val Step = 0 with get, set

    /// The trained leaves with rate factor and weight decay.
    member internal _.Leaves =
        [ for name, treatment in treatments do
              match treatment with
              | Groups.Trained(factor, decay) -> name, factor, decay
              | Groups.Frozen -> () ]

    interface IDisposable with
        member _.Dispose() =
            Params.dispose parameters
            Params.dispose moments

type Report = { Step: int; Loss: float; Terms: (string * float) list; Rate: float; GradientNorm: float }

let start seed device dtype (recipe: Method) =
    let specs = recipe.Objective.Specs
    let treatments = Params.trainable specs |> Groups.assign recipe.Rules
    let parameters = Params.init seed device dtype specs

    for name, treatment in treatments do
        if treatment <> Groups.Frozen then parameters[name].requires_grad_ true |> ignore

    let moments =
        Params.ofSeq
            [ for name, treatment in treatments do
                  if treatment <> Groups.Frozen then
                      for moment in Optimiser.moments recipe.Optimiser do
                          $"{name}.{moment}", own (torch.zeros_like (parameters[name], requires_grad = false)) ]

    new State(parameters, moments, treatments)

let private demandFinite (terms: (string * float) list) step gradientNorm =
    if not (Double.IsFinite gradientNorm && terms |> List.forall (snd >> Double.IsFinite)) then
        let values = terms |> List.map (fun (name, value) -> $"{name} {value}") |> String.concat ", "

        raise (
            ArithmeticException
                $"Step {step + 1} is not finite ({values}, gradient norm {gradientNorm}): lower the learning rate, lengthen the warm-up, or set clip."
        )

let private update (recipe: Method) (state: State) rate gradients =
    let gradientOf = dict gradients

    for name, factor, decay in state.Leaves do
        let kept = [ for moment in Optimiser.moments recipe.Optimiser -> state.Moments[$"{name}.{moment}"] ]

        Optimiser.step recipe.Optimiser (rate * factor) decay (state.Step + 1) state.Params[name] kept gradientOf[name]

let step (recipe: Method) (state: State) batch =
    scoped (fun () ->
        let reported = ResizeArray()

        let scored =
            recipe.Objective.Forward { Params = state.Params; Mode = Training; Report = fun name value -> reported.Add(name, value) } batch

        let leaves = [ for name, _, _ in state.Leaves -> name, state.Params[name] ]

        if leaves.IsEmpty then
            raise (InputException "Every parameter is frozen, so there is nothing to train: take a pattern out of freeze.")

        let gradients = Grad.gradients scored.Total leaves

        let length = Grad.norm gradients
        let terms = scored.Terms |> List.map (fun (name, value) -> name, toFloat value)
        let loss, gradientNorm = toFloat scored.Total, toFloat length
        demandFinite (("total", loss) :: terms) state.Step gradientNorm

        if recipe.Clip > 0.0 then Grad.clip recipe.Clip length gradients

        let rate = recipe.Rate state.Step
        Params.commit state.Params reported
        update recipe state rate gradients
        state.Step <- state.Step + 1

        { Step = state.Step; Loss = loss; Terms = terms; Rate = rate; GradientNorm = gradientNorm })
