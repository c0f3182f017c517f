namespace CondEmbed

/// Whether layers behave as in training (batch statistics, dropout) or as at test time.
type Mode =
    | Training
    | Testing

/// What a forward pass knows of its surroundings.
type Env =
    {
        Params: Params
        Mode: Mode
        /// Receives the new value of a statistic under its name. Layers report; the trainer commits.
        Report: string -> Tensor -> unit
        /// With whom the batch is shared: what is made of a whole batch, such as the statistics of a norm, is made of the shares of all.
        Team: Team
    }

/// A layer is a value: the parameters it declares and a pure function of them and its input. Shown as the tree of its parameters.
type Layer<'In, 'Out> =
    { Specs: ParamSpec list
      Forward: Env -> 'In -> 'Out }

    /// One layer, then the other.
    static member (-->): first: Layer<'In, 'Out> * second: Layer<'Out, 'Next> -> Layer<'In, 'Next>
    /// A layer, then a function without parameters, such as `torch.tanh` or `fun (x: Tensor) -> x.flatten 1L`.
    static member (-->): first: Layer<'In, 'Out> * next: ('Out -> 'Next) -> Layer<'In, 'Next>

/// A layer was given an input that does not fit it: the path of its name (empty if it has none), and what is wrong.
[<Class; Sealed>]
type LayerException =
    inherit System.ArgumentException
    member Path: string
    member Reason: string

module Layer =
    /// The value of one of the layer's own statistics, as a constant: it follows from the parameters, and no derivative is taken by it.
    val internal statistic: Env -> name: string -> Tensor
    /// The specs with their names below a name.
    val internal below: name: string -> specs: ParamSpec list -> ParamSpec list
    /// A layer without parameters.
    val lift: ('In -> 'Out) -> Layer<'In, 'Out>
    /// A layer from its specs and its forward function.
    val create: specs: ParamSpec list -> forward: (Env -> 'In -> 'Out) -> Layer<'In, 'Out>
    /// Puts a layer's parameters under a name: prefixes the specs, the view of the parameters and the reported statistics alike. If it, or
    /// libtorch inside it, refuses an input, the LayerException carries this name.
    val named: name: string -> Layer<'In, 'Out> -> Layer<'In, 'Out>
    /// One layer, then the other. `-->` is its operator, which also takes a function as the second.
    val compose: Layer<'A, 'B> -> Layer<'B, 'C> -> Layer<'A, 'C>
    /// Layers one after another; an empty list is the identity.
    val sequence: Layer<'T, 'T> list -> Layer<'T, 'T>
    /// So many copies of a layer one after another, each with parameters of its own, under `name.0`, `name.1` and so on, as the blocks of published networks are.
    val repeat: name: string -> count: int -> Layer<'T, 'T> -> Layer<'T, 'T>
    /// x -> x + layer x: the layer must keep the shape.
    val residual: Layer<Tensor, Tensor> -> Layer<Tensor, Tensor>
    /// Two layers on the same input.
    val both: Layer<'In, 'A> -> Layer<'In, 'B> -> Layer<'In, 'A * 'B>
    /// The layer, with its intermediate results freed at its end, except its output, what it reports, and what gradients need.
    val tidied: Layer<'In, Tensor> -> Layer<'In, Tensor>
    /// Changes the output by a function without parameters.
    val map: ('A -> 'B) -> Layer<'In, 'A> -> Layer<'In, 'B>
    /// Runs the layer as at test time, even in training: its statistics do not change.
    val frozen: Layer<'In, 'Out> -> Layer<'In, 'Out>
    /// Raises a LayerException for an input that does not fit; the names around the layer add its path.
    val refuse: reason: string -> 'T
    /// The layer, with every error of libtorch turned into a LayerException.
    val internal explained: Layer<'In, 'Out> -> Layer<'In, 'Out>
    /// The layer's output in a mode, with its history for gradients; reported statistics are dropped. ArgumentException as in `run`.
    val apply: Mode -> Params -> Layer<'In, 'Out> -> 'In -> 'Out
    /// The layer's output at test time, without gradients. ArgumentException for parameters of another model, or an input that does not fit.
    /// InvalidOperationException inside a function that is being differentiated, whose derivative would be zero.
    val run: Params -> Layer<'In, 'Out> -> 'In -> 'Out
