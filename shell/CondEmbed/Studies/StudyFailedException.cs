namespace CondEmbed.Studies;

/// <summary>Runs of a study did not get to their end; the message says which, and why.</summary>
public sealed class StudyFailedException : InvalidOperationException
{
    /// <summary>Makes one.</summary>
    public StudyFailedException(string message)
        : base(message)
    {
    }
}
