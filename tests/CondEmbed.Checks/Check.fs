namespace CondEmbed.Checks

open CondEmbed.Interop

/// One thing that was checked: in words, and in numbers.
type Row = { Case: string; Passed: bool; Said: string; Numbers: Map<string, float> }

/// How much work there is, and on what.
type Effort =
    {
        /// Only what takes seconds on a CPU.
        Quick: bool
        /// Of the work of `load`.
        Scale: float
        /// Steps of the default run.
        Steps: int
        /// The largest relative difference between devices.
        Tolerance: float
        /// The data of the study, and its settings.
        Data: string
        Set: Given list
        /// An empty folder, which goes afterwards.
        Folder: string
    }

/// A check runs in a process of its own, so that one that dies takes no other with it.
type Check =
    {
        Name: string
        What: string
        /// Does the work; each row is told as soon as it is known.
        Run: Effort -> (Row -> unit) -> unit
        /// One sentence for many rows; without it the table shows each.
        Summary: (Row list -> string) option
    }

module Check =
    let row case passed said numbers = { Case = case; Passed = passed; Said = said; Numbers = Map numbers }
    let plain name what run = { Name = name; What = what; Run = run; Summary = None }
