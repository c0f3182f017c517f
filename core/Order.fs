namespace CondEmbed

open System

/// How many derivatives are being taken of what runs now, on this thread. Whatever is right for a single derivative only, because it is fused, shares work or
/// comes in a second pass, asks here before it takes the short way.
[<AbstractClass; Sealed>]
type internal Order private () =
    [<ThreadStatic; DefaultValue>]
    static val mutable private taken: int

    /// 0 outside every derivative, where someone may yet take any number of them by hand.
    static member Taken = Order.taken

    /// Runs the body as part of a function of which that many derivatives are taken.
    static member Within (times: int) (body: unit -> 'T) : 'T =
        Order.taken <- Order.taken + times

        try
            body ()
        finally
            Order.taken <- Order.taken - times
