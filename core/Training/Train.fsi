/// The training step: the one place where things change.
module CondEmbed.Train

open TorchSharp

/// A running average of weights and statistics, to evaluate with in their place. The step after t others moves it by 1 - min(decay, t / (t + 9)) of its distance to them, so that it soon forgets the start.
type Average =
    {
        Decay: float
        /// What evaluation reads: of these, the trained leaves and the statistics are averaged. The statistics of norms too, since they describe what the averaged weights make of
        /// images better than those of the last few steps do.
        Of: ParamSpec list
    }

/// How an objective is trained. Shown as a few lines.
type Method =
    {
        Objective: Objective
        Optimiser: Optimiser.Rule
        Rules: Groups.Rule list
        /// Leaves that begin to train later, as if the optimiser were made for them then: from its first step on.
        Beginnings: Groups.Beginning list
        /// The base learning rate at each step.
        Rate: int -> float
        /// The largest allowed length of all gradients together; 0 for no limit.
        Clip: float
        /// The objective finds the averages beside the parameters: see `Averaged`.
        Average: Average option
        /// The processes that train together, each on its share of every batch: `Team.alone` for one.
        Team: Team
    }

/// AdamW on every parameter with a weight decay of 0.01, the rate rising over a twelfth of the given number of steps and then falling to zero on a cosine, with no limit
/// on gradients and no average: a good default.
val plain: rate: float -> steps: int -> Objective -> Method

/// What a run owns: its parameters, the optimiser's moments and the number of steps done. A step changes it in place.
[<Sealed>]
type State =
    interface System.IDisposable
    /// All parameters and statistics.
    member Params: Params
    /// The optimiser's moments under `<leaf>.<moment>`, and running averages under `<name>.average`.
    member Moments: Params
    /// What to evaluate with: the parameters, and in their places the running averages, if there are any.
    member Evaluated: Params
    /// Steps done so far.
    member Step: int with get, set

/// What a step reports, as plain numbers. Shown as one line.
type Report = { Step: int; Loss: float; Terms: (string * float) list; Rate: float; GradientNorm: float }

/// A fresh state: parameters drawn from the seed, moments zero. Raises the errors of Groups.assign and Groups.beginnings.
val start: seed: int64 -> device: torch.Device -> dtype: torch.ScalarType -> Method -> State

/// One step on a batch, or on this process's share of one: value, gradients, statistics, update. The state is changed in place, its leaves keep their identity, and every other
/// tensor that the step makes is gone when it returns. The step draws from torch's global generator only if the objective does. A loss or
/// gradient that is not finite is an ArithmeticException that names the terms, and leaves the state as it was. InputException where every
/// leaf is frozen, or none has begun. ArgumentException for a batch or a state that does not fit this objective.
///
/// A step leaves small native blocks, TorchSharp's scalars, to the garbage collector, and never triggers a collection itself. A loop of thousands of steps calls
/// `CondEmbed.Torch.Leftovers.collect ()` between them, or its memory grows; the run's own loop does.
val step: Method -> State -> Batch -> Report

/// The same; of a team, the gradients are added up in buckets of so many bytes.
val internal stepIn: bucket: int64 -> Method -> State -> Batch -> Report

/// A number of further steps, each on the batch for its number, which is made and freed within the step. The sequence trains as it is read: read on to
/// continue, stop reading to stop, and do not read it twice. ArgumentException as for `step`, and if the first batch has only one class, from which a loss without
/// parameters of its own learns nothing.
val steps: count: int -> batch: (int -> Batch) -> Method -> State -> Report seq
