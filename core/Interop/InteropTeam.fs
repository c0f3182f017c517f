namespace CondEmbed.Interop

open CondEmbed
open TorchSharp

/// What the processes of a team tell each other besides tensors. All of them have to call it, in the same order.
[<AbstractClass; Sealed>]
type TeamBytes private () =
    static let tensor (bytes: byte array) = torch.tensor (bytes, dtype = torch.uint8, device = torch.CPU)

    /// The bytes of all, of one length, in the order of the processes.
    static member Gather(team: Team, bytes: byte array) : byte array =
        if Team.isShared team then scoped (fun () -> (team.Gather(tensor bytes)).bytes.ToArray()) else bytes

    /// The bytes of the first process, of any length; those of the others do not count.
    static member Spread(team: Team, bytes: byte array) : byte array =
        if Team.isShared team then
            scoped (fun () ->
                let length = torch.tensor ([| bytes.LongLength |], dtype = int64', device = torch.CPU)
                team.Spread length
                let all = if team.Rank = 0 then tensor bytes else tensor (Array.zeroCreate (int (length.item<int64>())))
                team.Spread all
                all.bytes.ToArray())
        else
            bytes

    /// Waits until all are here.
    static member Wait(team: Team) = TeamBytes.Gather(team, [| 0uy |]) |> ignore
