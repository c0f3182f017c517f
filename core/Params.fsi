namespace CondEmbed

open System.Collections.Generic
open TorchSharp

/// What a parameter is for: trained by gradients, or a statistic that layers report and the trainer commits.
type Role =
    | Trainable
    | Statistic

/// How a parameter starts. Fans are counted as torch does: product of all dimensions but the first (in) or but the second (out).
type Init =
    | Constant of float
    | Normal of deviation: float
    | Uniform of bound: float
    /// Normal with deviation sqrt(2 / fan out): He et al., "Delving Deep into Rectifiers", eq. 14; torchvision's choice for ResNet.
    | KaimingFanOut
    /// Uniform within 1 / sqrt(fan in): torch's default for linear layers.
    | FanIn
    /// Uniform within sqrt(6 / (fan in + fan out)): Glorot and Bengio 2010, eq. 16.
    | Xavier

/// A parameter that a layer declares: its dotted name, shape, role and start.
type ParamSpec = { Name: string; Shape: int64 list; Role: Role; Init: Init }

/// One way in which given tensors can fail to fit declared parameters.
type Mismatch =
    | Missing of ParamSpec
    | Unexpected of name: string
    | WrongShape of ParamSpec * found: int64 list

/// Tensors under dotted names, seen from a node in the tree of names. The tensors are owned by whoever made the root. Shown as their tree.
[<Sealed>]
type Params =
    /// The names seen from here, in the order in which they were composed: as layers declare them, or as the tensors were given.
    member Names: string list
    /// Whether there is a tensor under a name, seen from here.
    member Contains: name: string -> bool
    /// The tensor under a name, seen from here. KeyNotFoundException names the full name and what there is.
    member Item: name: string -> Tensor with get

module Params =
    /// Initial values for the specs. The start of each parameter depends on the seed and its own name alone, so two models that share
    /// names share their start, whatever else they hold. Random starts are float32 numbers in every type; constants are exact. ArgumentException: names that are
    /// declared twice, and shapes without numbers.
    val init: seed: int64 -> device: torch.Device -> dtype: torch.ScalarType -> specs: ParamSpec list -> Params
    /// The given tensors under their names, without a copy.
    val ofSeq: tensors: (string * Tensor) seq -> Params
    /// All names with their tensors, seen from here, in the order of `Names`.
    val toSeq: Params -> (string * Tensor) seq
    /// The part of the tree below a name.
    val inside: name: string -> Params -> Params
    /// A new tree of the same names; nothing is disposed.
    val map: (string -> Tensor -> Tensor) -> Params -> Params
    /// The same names, but a tensor is changed whenever it is asked for, to one of the same shape. Autograd goes back from the newest to the oldest, so a leaf that is changed where it is used
    /// gets its gradient there, and not after all the rest.
    val internal whenAsked: (string -> Tensor -> Tensor) -> Params -> Params
    /// All numbers in one vector, in ordinal order of the names, so that it is the same however the parameters were composed. Gradients pass through it.
    val flat: Params -> Tensor
    /// The numbers of a vector such as `flat` makes, under the names and in the shapes of the given parameters. Gradients pass through it. ArgumentException for a vector of another length.
    val shaped: like: Params -> vector: Tensor -> Params
    /// The names of the specs that gradients train.
    val trainable: specs: ParamSpec list -> string list
    /// In place: copies a value into the parameter of that name, which keeps its identity. ArgumentException for a value of another shape.
    val commit: Params -> (string * Tensor) seq -> unit
    /// Every missing, unexpected and wrongly shaped tensor; empty when the tensors fit.
    val mismatches: specs: ParamSpec list -> shapes: IReadOnlyDictionary<string, int64 list> -> Mismatch list
    /// Checks that every declared parameter is there in its shape; others are allowed. ArgumentException with everything that does not fit, and what to do.
    val demand: specs: ParamSpec list -> Params -> unit
    /// How many numbers the specs hold.
    val count: specs: ParamSpec list -> int64
    /// Frees every tensor of the tree.
    val dispose: Params -> unit
