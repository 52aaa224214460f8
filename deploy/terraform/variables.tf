variable "project" {
  type        = string
  description = "Project that the scans run in."
}

variable "region" {
  type        = string
  description = "Region of the bucket, the registry, the schedule and the workers: that of the corpus."
}

variable "corpus_bucket" {
  type        = string
  description = "Name of the bucket that holds the corpus. Workers may read it, nobody may write it."
}

variable "inputs" {
  type        = list(string)
  description = "What a night scans: folders or globs below gs://."
}

variable "image" {
  type        = string
  description = "Image of deploy/dataflow/Dockerfile, by digest."
}

variable "schedule" {
  type        = string
  default     = "0 2 * * *"
  description = "When a night begins, as cron says it."
}

variable "time_zone" {
  type        = string
  default     = "Etc/UTC"
  description = "Time zone of the schedule."
}

variable "max_workers" {
  type        = number
  default     = 50
  description = "Upper bound of autoscaling; docs/scale.md tells how many a corpus needs."
}

variable "machine_type" {
  type        = string
  default     = "n2-standard-4"
  description = "Machines of the workers: 4 GB for each core."
}

variable "flexrs" {
  type        = bool
  default     = false
  description = "Whether a night may wait up to six hours for cheaper machines."
}

variable "retention_days" {
  type        = number
  default     = 30
  description = "Days for which a result can't be deleted or replaced."
}

variable "network" {
  type        = string
  default     = null
  description = "Existing network of the workers; null makes one without a way to the internet."
}

variable "subnetwork" {
  type        = string
  default     = null
  description = "Existing subnetwork, as regions/REGION/subnetworks/NAME; needed with network."
}

variable "kms_key" {
  type        = string
  default     = null
  description = "Key for the bucket, the registry and the workers' disks (CMEK); null for Google's own."
}

variable "alert_email" {
  type        = string
  description = "Who hears of findings and of nights that failed."
}

variable "dead_letter_share" {
  type        = number
  default     = 0.001
  description = "Share of unreadable records above which a night fails."
}

variable "billing_account" {
  type        = string
  default     = null
  description = "Billing account for the budget; null for none."
}

variable "monthly_budget" {
  type        = number
  default     = 500
  description = "Budget in the account's currency; mail at 50, 90 and 100 percent."
}
