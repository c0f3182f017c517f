namespace CondEmbed.Fuzz

open System
open System.IO
open System.Text
open CondEmbed.Common

/// An input to begin with: the bytes to change, and what makes a file of them again, such as sums that fit.
type Seed = { Bytes: byte array; Dress: byte array -> byte array }

/// Something that reads bytes it did not write.
type Target =
    {
        Name: string
        /// Makes what the input needs around it in an empty folder; gives the path of the input, and valid ones.
        Prepare: string -> string * Seed list
        /// Reads the input, and uses what was read.
        Read: string -> unit
    }

module Target =
    let plain bytes = { Bytes = bytes; Dress = id }
    let dressed dress bytes = { Bytes = bytes; Dress = dress }
    let ofText (text: string) = plain (Encoding.UTF8.GetBytes text)

    /// A target of one file that needs nothing around it.
    let ofFile name file seeds read =
        { Name = name
          Prepare = fun folder -> Path.Combine(folder, file), seeds folder
          Read = read }

    /// What a writer writes to a path.
    let written folder (write: string -> unit) =
        let path = Path.Combine(folder, "written")
        write path
        let bytes = File.ReadAllBytes path
        File.Delete path
        bytes

    let writeText folder name (text: string) =
        let path: string = Path.Combine(folder, name)
        Directory.CreateDirectory(string (Path.GetDirectoryName path)) |> ignore
        File.WriteAllText(path, text)

    /// A valid file that came with this program.
    let shipped name = File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "seeds", name))

    /// Does all of it, even where one part refuses the input.
    let all (uses: (unit -> unit) list) =
        let refused =
            uses
            |> List.choose (fun action ->
                try
                    action ()
                    None
                with :? InputException as problem ->
                    Some problem)

        if not refused.IsEmpty then raise refused.Head
