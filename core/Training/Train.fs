module CondEmbed.Train

open System
open System.Globalization
open TorchSharp
open CondEmbed.Common

type Average = { Decay: float; Of: ParamSpec list }

[<StructuredFormatDisplay("{Text}")>]
type Method =
    { Objective: Objective
      Optimiser: Optimiser.Rule
      Rules: Groups.Rule list
      Beginnings: Groups.Beginning list
      Rate: int -> float
      Clip: float
      Average: Average option
      Team: Team }

    /// The optimiser, what of the objective it trains and how, and how large the objective is.
    override this.ToString() =
        let treated =
            function
            | Groups.Frozen -> "not trained"
            | Groups.Trained(factor, decay) -> $"rate x {factor}, weight decay {decay}"

        let processes = if Team.isShared this.Team then $", in {this.Team.Size} processes" else ""

        [ $"{this.Optimiser}{processes}"
          for rule in this.Rules do
              $"{rule.Pattern}: {treated rule.Treatment}"
          for later in this.Beginnings do
              $"{later.Leaves}: from step {later.Step} on"
          if this.Clip > 0.0 then $"gradients of length {this.Clip} at most"
          for average in Option.toList this.Average do
              $"running average, decay {average.Decay}"
          $"objective: {(string this.Objective).Split('\n')[0]}" ]
        |> String.concat "\n  "

    member private this.Text = string this

let plain rate steps objective =
    if not (rate > 0.0) then invalidArg (nameof rate) $"A learning rate is above 0, and this is {rate}."
    if steps < 1 then invalidArg (nameof steps) $"Training takes one step or more, and these are {steps}."
    let warmUp = steps / 12
    let shape = Schedule.withWarmUp warmUp (Schedule.cosine (steps - warmUp))

    { Objective = objective
      Optimiser = Optimiser.adamW
      Rules = [ { Pattern = "*"; Treatment = Groups.Trained(1.0, 0.01) } ]
      Beginnings = []
      Rate =
        fun step ->
            if step >= steps then
                raise (
                    InvalidOperationException
                        $"The learning rate of Train.plain falls to 0 over {steps} steps, and these are done: give it as many steps as you mean to take."
                )

            rate * shape step
      Clip = 0.0
      Average = None
      Team = Team.alone }

/// The name under which the running average of a tensor is kept.
let private averageOf name = $"{name}.average"

[<Sealed; StructuredFormatDisplay("{Text}")>]
type State(parameters: Params, moments: Params, treatments: (string * Groups.Treatment) list, beginning: string -> int) =
    member _.Params = parameters
    member _.Moments = moments
    member val Step = 0 with get, set

    /// The names of what is averaged.
    member val internal Averaged = parameters.Names |> List.filter (averageOf >> moments.Contains)

    member this.Evaluated =
        // Before the first step the averages are of nothing yet.
        if this.Step = 0 || this.Averaged.IsEmpty then
            parameters
        else
            parameters
            |> Params.map (fun name tensor -> if moments.Contains(averageOf name) then moments[averageOf name] else tensor)

    /// The objective that the state was last checked against.
    member val internal Fits: Objective option = None with get, set

    /// The names of the trained leaves, by rate factor, weight decay, and the step at which they begin.
    member val internal Groups =
        [ for name, treatment in treatments do
              match treatment with
              | Groups.Trained(factor, decay) -> (factor, decay, beginning name), name
              | Groups.Frozen -> () ]
        |> List.groupBy fst
        |> List.map (fun (treatment, names) -> treatment, List.map snd names)

    /// Those that are trained at the next step.
    member internal this.Begun = this.Groups |> List.filter (fun ((_, _, from), _) -> from <= this.Step)

    /// The steps done and the tree of parameters.
    override this.ToString() = $"after {this.Step} steps: {parameters}"

    member private this.Text = string this

    interface IDisposable with
        member _.Dispose() =
            Params.dispose parameters
            Params.dispose moments

[<StructuredFormatDisplay("{Line}")>]
type Report =
    { Step: int
      Loss: float
      Terms: (string * float) list
      Rate: float
      GradientNorm: float }

    override this.ToString() =
        let number (format: string) (x: float) = x.ToString(format, CultureInfo.InvariantCulture)

        let terms =
            this.Terms
            |> List.map (fun (name, value) -> $"""{name} {number "F4" value}""")
            |> String.concat ", "

        $"""step {this.Step}  loss {number "F4" this.Loss} ({terms})  lr {number "G3" this.Rate}  gradient {number "G3" this.GradientNorm}"""

    member private this.Line = string this

let start seed device dtype (recipe: Method) =
    let specs = recipe.Objective.Specs
    let treatments = Params.trainable specs |> Groups.assign recipe.Rules
    let frozen, trained = treatments |> List.partition (fun (_, treatment) -> treatment.IsFrozen)
    let frozen, trained = set (List.map fst frozen), List.map fst trained
    let beginning = Groups.beginnings recipe.Beginnings trained
    // Only now, after all checks: no scope frees parameters.
    let parameters = Params.init seed device dtype specs

    for name in trained do
        if beginning name = 0 then parameters[name].requires_grad_ true |> ignore

    let zeros name = own (torch.zeros_like (parameters[name], requires_grad = false))

    let moments =
        Params.ofSeq
            [ for name in trained do
                  for moment in Optimiser.moments recipe.Optimiser do
                      $"{name}.{moment}", zeros name
              for average in Option.toList recipe.Average do
                  for spec in average.Of do
                      if not (frozen.Contains spec.Name) then averageOf spec.Name, zeros spec.Name ]

    new State(parameters, moments, treatments, beginning)

/// One number that depends on something that is trained.
let private demandScored (scored: Scored) =
    let total = scored.Total

    if total.numel () <> 1L then
        raise (
            InvalidOperationException
                $"Training needs a single number to minimise, and the objective's total is {shapeText total.shape}: end the loss with .mean () or .sum ()."
        )

    if not (total.is_floating_point () && total.requires_grad) then
        raise (
            InvalidOperationException
                "The objective's total depends on nothing that is trained: somewhere on the way it was detached, computed under withoutGradient or by Layer.run, or turned into plain numbers."
        )

let private demandFinite (terms: (string * float) list) step gradientNorm =
    if not (Double.IsFinite gradientNorm && terms |> List.forall (snd >> Double.IsFinite)) then
        let values = terms |> List.map (fun (name, value) -> $"{name} {value}") |> String.concat ", "

        let mend =
            if step = 0 then
                "nothing has been trained yet, so look in the loss or a layer for a logarithm, a root or a division that can meet 0 or less."
            else
                "lower the learning rate, lengthen the warm-up, or set clip."

        raise (ArithmeticException $"Step {step + 1} is not finite ({values}, gradient norm {gradientNorm}): {mend}")

/// The parameters and, beside them, their running averages, which before the first step are the parameters.
let private seen (state: State) =
    if state.Averaged.IsEmpty then
        state.Params
    else
        Params.ofSeq
            [ yield! Params.toSeq state.Params
              for name in state.Averaged ->
                  Averaged.name name, (if state.Step = 0 then state.Params[name] else state.Moments[averageOf name]) ]

let private update (recipe: Method) (state: State) rate gradients =
    let gradientOf = dict gradients
    let moments = Optimiser.moments recipe.Optimiser

    let slot name : Optimiser.Slot =
        { Leaf = state.Params[name]
          Kept = [ for moment in moments -> state.Moments[$"{name}.{moment}"] ]
          Gradient = gradientOf[name] }

    for (factor, decay, from), names in state.Begun do
        names
        |> List.map slot
        |> Array.ofList
        |> Optimiser.step recipe.Optimiser (rate * factor) decay (state.Step - from + 1)

let private average (recipe: Method) (state: State) =
    for average in Option.toList recipe.Average do
        let kept = min average.Decay (float state.Step / float (state.Step + 9))

        withoutGradient (fun () ->
            for name in state.Averaged do
                state.Moments[averageOf name].mul_(scalar kept).add_(state.Params[name], scalar (1.0 - kept))
                |> ignore)

/// A loss without parameters of its own only compares the images of the batch with each other.
let private demandClasses (recipe: Method) (batch: Batch) =
    let comparesOnly =
        recipe.Objective.Specs
        |> List.forall (fun spec -> not (spec.Name.StartsWith("loss.", StringComparison.Ordinal)))

    let labels = Team.gathered recipe.Team batch.Labels

    if
        comparesOnly
        && labels.dim () = 1L
        && labels.numel () > 0L
        && labels.eq(labels.flatten().narrow(0L, 0L, 1L)).all().item<bool>()
    then
        invalidArg
            (nameof batch)
            $"All {labels.numel ()} images of the batch are of class {toFloat (labels.flatten().narrow(0L, 0L, 1L))}: there is nothing to tell apart. Draw several images from each of several classes."

/// Checked once per objective of a state, so that no step pays for it.
let private demandFit (recipe: Method) (state: State) =
    match state.Fits with
    | Some known when Object.ReferenceEquals(known, recipe.Objective) -> ()
    | _ ->
        Params.demand recipe.Objective.Specs state.Params
        state.Fits <- Some recipe.Objective

/// The leaves as the objective declares them, layer after layer.
let private inForwardOrder (recipe: Method) (leaves: (string * Tensor) list) =
    let trained = dict leaves

    [ for name in Params.trainable recipe.Objective.Specs do
          if trained.ContainsKey name then name, trained[name] ]

let stepIn bucket (recipe: Method) (state: State) batch =
    scoped (fun () ->
        demandFit recipe state
        let leaves = [ for name in List.collect snd state.Begun -> name, state.Params[name] ]

        for _, leaf in leaves do
            if not leaf.requires_grad then leaf.requires_grad_ true |> ignore

        let reported = ResizeArray()
        use sums = new GradientSums(recipe.Team, bucket, inForwardOrder recipe leaves)

        let env =
            { Params = sums.Handed(seen state)
              Mode = Training
              Report = (fun name value -> reported.Add(name, value))
              Team = recipe.Team }

        let scored = Order.Within 1 (fun () -> (Layer.explained recipe.Objective).Forward env batch)

        if leaves.IsEmpty then
            raise (InputException "Every parameter is frozen, so there is nothing to train: take a pattern out of freeze or unfreeze.")

        demandScored scored
        let gradients = sums.Of(fun () -> Grad.gradients scored.Total leaves)

        let length = Grad.norm gradients
        let terms = scored.Terms |> List.map (fun (name, value) -> name, toFloat value)
        let loss, gradientNorm = toFloat scored.Total, toFloat length
        demandFinite (("total", loss) :: terms) state.Step gradientNorm

        if recipe.Clip > 0.0 then Grad.clip recipe.Clip length gradients

        let rate = recipe.Rate state.Step
        Params.commit state.Params reported
        update recipe state rate gradients
        average recipe state
        state.Step <- state.Step + 1

        { Step = state.Step; Loss = loss; Terms = terms; Rate = rate; GradientNorm = gradientNorm })

let step recipe state batch = stepIn GradientSums.Bucket recipe state batch

let steps count batch recipe (state: State) =
    seq {
        for number in 1..count do
            scoped (fun () ->
                let next = batch state.Step
                if number = 1 then demandClasses recipe next
                step recipe state next)
    }
