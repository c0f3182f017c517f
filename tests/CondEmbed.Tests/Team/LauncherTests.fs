/// What a process knows of those that were started with it.
module CondEmbed.Tests.LauncherTests

open System
open System.Runtime.InteropServices
open Expecto
open CondEmbed.Common
open CondEmbed.Mpi
open CondEmbed.Torch
open CondEmbed.Tests.Support

let private find variables =
    let known = Map variables
    Launcher.Find(fun name -> Map.tryFind name known |> Option.toObj) |> Option.ofObj

let private cases =
    [ "mpirun of Open MPI",
      [ "OMPI_COMM_WORLD_RANK", "3"; "OMPI_COMM_WORLD_SIZE", "8"; "OMPI_COMM_WORLD_LOCAL_RANK", "1" ],
      Some(Launcher("Open MPI", 3, 8, 1))
      "mpirun of MPICH", [ "PMI_RANK", "1"; "PMI_SIZE", "2"; "MPI_LOCALRANKID", "1" ], Some(Launcher("MPICH", 1, 2, 1))
      "srun", [ "SLURM_PROCID", "5"; "SLURM_STEP_NUM_TASKS", "6"; "SLURM_LOCALID", "2" ], Some(Launcher("Slurm", 5, 6, 2))
      "mpirun within a Slurm job",
      [ "SLURM_PROCID", "0"
        "SLURM_STEP_NUM_TASKS", "1"
        "SLURM_LOCALID", "0"
        "OMPI_COMM_WORLD_RANK", "1"
        "OMPI_COMM_WORLD_SIZE", "4"
        "OMPI_COMM_WORLD_LOCAL_RANK", "1" ],
      Some(Launcher("Open MPI", 1, 4, 1))
      "a batch script, which is no step", [ "SLURM_PROCID", "0"; "SLURM_NTASKS", "4"; "SLURM_LOCALID", "0" ], None
      "torchrun", [ "RANK", "1"; "WORLD_SIZE", "2"; "LOCAL_RANK", "1" ], Some(Launcher("torchrun", 1, 2, 1))
      "no local rank", [ "PMI_RANK", "1"; "PMI_SIZE", "2" ], Some(Launcher("MPICH", 1, 2, 0))
      "a number that says nothing of how many", [ "RANK", "2" ], None
      "how many, and no number", [ "WORLD_SIZE", "2" ], None
      "an empty number", [ "RANK", ""; "WORLD_SIZE", "2" ], None
      "nothing", [], None ]

let private contradictions =
    [ "a rank beyond the last", "RANK", "2", "WORLD_SIZE", "2"
      "a rank below 0", "RANK", "-1", "WORLD_SIZE", "2"
      "a word", "RANK", "first", "WORLD_SIZE", "2"
      "none", "SLURM_PROCID", "0", "SLURM_STEP_NUM_TASKS", "0"
      "no whole number", "PMI_RANK", "0", "PMI_SIZE", "2.5" ]

let private array id first step =
    [ "SLURM_ARRAY_TASK_ID", string id
      "SLURM_ARRAY_TASK_COUNT", "4"
      "SLURM_ARRAY_TASK_MIN", string first
      "SLURM_ARRAY_TASK_STEP", string step
      // As in the script of any task.
      "SLURM_PROCID", "0"
      "SLURM_NTASKS", "1" ]

let private mpi = [ "OMPI_COMM_WORLD_RANK", "2"; "OMPI_COMM_WORLD_SIZE", "3" ]
let private srun = [ "SLURM_PROCID", "1"; "SLURM_STEP_NUM_TASKS", "2"; "PMI_RANK", "1"; "PMI_SIZE", "2" ]
let private job = [ "JOB_COMPLETION_INDEX", "6"; "JOB_COMPLETIONS", "8" ]

let private parts =
    [ "--array=1-4", array 3 1 1, Ok(2, 4)
      "--array=0-3", array 3 0 1, Ok(3, 4)
      "--array=10-40:10", array 20 10 10, Ok(1, 4)
      "srun of one task in an array", array 1 1 1 @ [ "SLURM_STEP_NUM_TASKS", "1" ], Ok(0, 4)
      "a Kubernetes job", job, Ok(6, 8)
      "mpirun", mpi, Ok(2, 3)
      "srun with MPICH, which both tell", srun, Ok(1, 2)
      "torchrun", [ "RANK", "1"; "WORLD_SIZE", "2" ], Ok(1, 2)
      "mpirun of one", [ "PMI_RANK", "0"; "PMI_SIZE", "1" ], Ok(0, 1)
      "nothing", [], Error [ "nothing says which part"; "SLURM_ARRAY_TASK_ID"; "JOB_COMPLETION_INDEX"; "new Shard(3, 8)" ]
      "mpirun in a task of an array", array 3 1 1 @ mpi, Error [ "several say"; "Open MPI: 3 of 3"; "a Slurm array: 3 of 4" ]
      "a job that does not say how many", [ job.Head ], Error [ "JOB_COMPLETION_INDEX=6"; "Set JOB_COMPLETIONS" ]
      "a number beyond the last", [ job.Head; "JOB_COMPLETIONS", "6" ], Error [ "the number 6"; "there are 6" ]
      "an array with gaps", array 9 1 1, Error [ "the number 9"; "there are 4"; "left out" ]
      "an array whose step is another", array 15 10 10, Error [ "the number 15" ] ]

let private partOf variables =
    let known = Map variables
    Launcher.OfParts(fun name -> Map.tryFind name known |> Option.toObj)

let tests =
    testList
        "Launcher"
        [ for name, variables, expected in parts do
              test $"parts: {name}" {
                  match expected with
                  | Ok part -> Expect.equal (let one = partOf variables in one.Rank, one.Size) part "part"
                  | Error words -> rejects words (fun () -> partOf variables |> ignore)
              }

          test "what divides work starts nothing that trains together" {
              for variables in [ array 3 1 1; job ] do
                  Expect.isNone (find variables) "alone"
          }

          for name, variables, expected in cases do
              test name { Expect.equal (find variables) expected "launcher" }

          for name, rank, number, size, count in contradictions do
              test $"refused, and not taken for one process: {name}" {
                  for found in [ find >> ignore; partOf >> ignore ] do
                      rejects [ $"{rank}={number} and {size}={count}"; $"from 0 to {size} - 1"; "unset both" ] (fun () ->
                          found [ rank, number; size, count ])
              }

          test "every MPI that is here is told of" {
              if isNull (Environment.GetEnvironmentVariable "CONDEMBED_MPI") then
                  let told = MpiTeam.Describe()

                  for name, file in [ "Open MPI", "libmpi.so.40"; "MPICH", "libmpich.so.12" ] do
                      if fst (NativeLibrary.TryLoad file) then Expect.stringContains told $"({name}, {file})" "told"

              let nothing = (Array.zeroCreate<string> 1)[0]
              Expect.throwsT<NullReferenceException> (fun () -> ignore nothing.Length) "an MPI leaves the process its signals"
          }

          test "each process of a machine takes a GPU of its own, if there are enough" {
              let cards = [| "cuda:0"; "cuda:1" |]
              Expect.equal [ for rank in 0..2 -> Device.ofProcess cards rank ] [ Some "cuda:0"; Some "cuda:1"; Some "cuda:0" ] "of two"
              Expect.equal (Device.ofProcess [||] 1) None "of none"
          } ]
